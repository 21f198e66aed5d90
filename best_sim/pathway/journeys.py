"""What came out of one replicate: the event record, and the tables that are derived from it.

Inside, structured numpy arrays as the drivers leave them; at the edge, tidy pandas tables with units. Unfinished
children are kept: an end that has not come is NaN.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from best_sim.engine.model import EVENT, USE
from best_sim.pathway import words as W
from best_sim.pathway.event_rows import again_of, asks_before, rows_about
from best_sim.pathway.parquet import read_rows, write_rows
from best_sim.pathway.records import LARGEST_FAMILY, TABLES, counted_from
from best_sim.pathway.scores import OutcomeModel, Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from best_sim.engine.model import Run
    from best_sim.pathway.lowering import Lowered
    from best_sim.pathway.story import Story

UNITS: dict[str, str] = {
    "_age_days": "days of age",  # before "_days", which it ends in too
    "_days": "days since start_date",
    "hours": "hours",
    "sdq": "SDQ total difficulties, 0-40, higher is worse",
    "pirgas": "PIR-GAS, 1-100, higher is better",
    "utility": "utility, 0-1",
    "need": "standard deviations",
    "frailty": "ratio of hazards",
}
"""Units of columns, by name or ending; the other columns are names, counts or identifiers."""

EVENT_NAMES = tuple(e.name for e in W.EVENTS)
_KEPT = ("families", "children", "groups", "cases", "others")
_TIDY = (
    "events", "families", "children", "placements", "proceedings", "hearings", "services", "visits", "queues",
    "resources",
)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Journeys:
    """Every child's journey in one replicate.

    Attributes
    ----------
    event_record : numpy.ndarray or None
        Read it as `record`. Fields time (days since `start_date`), event, subject, value; in order of time.
    tables : dict of numpy.ndarray
        Final records of families, children, groups, cases and other referrals, as `best_sim.pathway.records` has them.
    use : numpy.ndarray
        How each resource was used: what `resources` is made from.
    names : dict of tuple of str
        Names of boroughs, sites, courts, teams and resources, in the order of their numbers.
    start_date : datetime.date
        Day zero.
    start, end : float
        First and last moment simulated, days.
    seed, replicate : int
        Random seed and number of the replicate.
    n_steps : int
        Commands that the driver carried out.
    outcomes : OutcomeModel
        How scores are made.
    scenario : str
        Name of the scenario.
    overridden : tuple of str
        What was overridden in it, in words: ``("lift.patience = 30 days",)``.
    scoring : int
        How often this run was scored before, each time with other random numbers.
    """

    event_record: np.ndarray | None
    tables: dict[str, np.ndarray]
    use: np.ndarray
    names: dict[str, tuple[str, ...]]
    start_date: dt.date
    start: float
    end: float
    seed: int
    replicate: int
    n_steps: int
    outcomes: OutcomeModel
    scenario: str = ""
    overridden: tuple[str, ...] = ()
    scoring: int = 0

    @classmethod
    def from_run(
        cls, run: Run, lowered: Lowered, seed: int, replicate: int, *, events: bool = True
    ) -> Journeys:
        """Journeys from what a driver returned; `events` tells whether it kept the event record."""
        return cls(
            event_record=run.events if events else None,
            tables={name: run.state.tables[name] for name in _KEPT},
            use=run.resources,
            names={**lowered.names, "resources": lowered.resources},
            start_date=lowered.start_date,
            start=lowered.start,
            end=lowered.end,
            seed=seed,
            replicate=replicate,
            n_steps=run.n_steps,
            outcomes=lowered.outcomes,
            scenario=lowered.scenario,
            overridden=lowered.overridden,
        )

    @property
    def record(self) -> np.ndarray:
        """The event record, a row of `EVENT` for each event.

        Raises
        ------
        ValueError
            If the run kept none.
        """
        if self.event_record is None:
            raise ValueError(
                "this run kept no event record: simulate with events=True for what is made from it"
            )
        return self.event_record

    # --- what it is -----------------------------------------------------------------------------------------
    def __repr__(self) -> str:
        of = self.scenario or "a scenario without a name"
        if self.overridden:
            many = len(self.overridden) > 1
            of += f" with {f'{len(self.overridden)} parameters overridden' if many else self.overridden[0]}"
        families = int((self.tables["families"]["n_children"] > 0).sum())
        return (
            f"<Journeys of {of}, seed {self.seed}, replicate {self.replicate}: {len(self.lived)} children of "
            f"{families} families, {self.start_date} to {self.date(self.end)}>"
        )

    # --- dates ----------------------------------------------------------------------------------------------
    def date(self, days: float) -> dt.date:
        """The calendar day of a time in days."""
        return self.start_date + dt.timedelta(days=float(np.floor(days)))

    # --- arrays for analysis --------------------------------------------------------------------------------
    @cached_property
    def lived(self) -> np.ndarray:
        """Row numbers of children who were simulated (rows are kept for three a family)."""
        return np.flatnonzero(self.tables["children"]["index"] >= 0)

    @cached_property
    def scores(self) -> Scores:
        """SDQ, PIR-GAS and utility by child (rows of the table of children) and visit; whether or not it was seen."""
        return Scores(self.tables, self.seed, self.replicate, self.outcomes, self.scoring)

    def scored(self, outcomes: OutcomeModel, scoring: int = 0) -> Journeys:
        """The same journeys, scored under other assumptions about outcomes, or anew, with other random numbers."""
        return replace(self, outcomes=outcomes, scoring=scoring)

    @cached_property
    def resources(self) -> pd.DataFrame:
        """One row for each resource: time averages and counts kept by the driver, apart from the event record."""
        use, span = self.use, self.end - self.start
        return pd.DataFrame(
            {
                "resource": self.names["resources"],
                "mean_waiting": use["queue_time"] / span,
                "mean_in_use": use["place_time"] / span,
                "asked": use["asked"],
                "granted": use["granted"],
                "gave_up": use["gave_up"],
                "called_away": use["signalled"],
                "longest_queue": use["longest_queue"],
            }
        )

    # --- tables ---------------------------------------------------------------------------------------------
    @cached_property
    def events(self) -> pd.DataFrame:
        """The event record: time_days, event, subject (family, group, case, ...), number, value."""
        r = self.record
        return _with_units(
            pd.DataFrame(
                {
                    "time_days": r["time"],
                    "event": _named(EVENT_NAMES, r["event"]),
                    "subject": np.asarray([e.subject for e in W.EVENTS], object)[r["event"]],
                    "number": r["subject"],
                    "value": r["value"],
                }
            )
        )

    @cached_property
    def families(self) -> pd.DataFrame:
        """One row for each family that became known: what it is, its way through the trial and its service."""
        f = self.tables["families"]
        f = f[f["n_children"] > 0]
        out = pd.DataFrame(
            {
                "family": f["index"],
                "borough": _named(self.names["boroughs"], f["borough"]),
                "site": _named(self.names["sites"], f["site"]),
                "court": _named(self.names["courts"], f["court"]),
                "route": _named(W.ROUTES, f["route"]),
                "n_children": f["n_children"],
                "n_groups": f["n_groups"],
                "youngest_age_days": f["youngest_days"],
                "older_sibling": f["older_sibling"] == 1,
                "kin_available": f["kin_available"] == 1,
                "need": f["need"],
                "entered_days": _unless_late(f["entered"], self.end),
                "in_proceedings": f["reaches_court"] == 1,
                "screening": _named(W.SCREENINGS, f["screening"]),
                "invited_days": f["invited"],
                "consent": _named(W.CONSENTS, f["consent"]),
                "answered_days": f["answered"],
                "baseline_days": f["baseline"],
                "randomised_days": f["randomised"],
                "arm": _named(W.ARMS, f["arm"]),
                "ineligible_days": f["ineligible"],
                "receipt": _named(W.RECEIPTS, f["receipt"]),
                "settled_days": f["settled"],
            }
        )
        return _with_units(out)

    @cached_property
    def children(self) -> pd.DataFrame:
        """One row for each child: family, group, age and sex at entry, order, moves, first permanence."""
        c = self.tables["children"][self.lived]
        f = self.tables["families"][c["family"]]
        g = self.tables["groups"][c["group"]]
        out = pd.DataFrame(
            {
                "child": c["index"],
                "family": c["family"],
                "group": c["group"],
                "borough": _named(self.names["boroughs"], f["borough"]),
                "site": _named(self.names["sites"], f["site"]),
                "arm": _named(W.ARMS, f["arm"]),
                "sex": np.where(c["male"] == 1, "boy", "girl"),
                "entry_age_days": c["age_at_entry"],
                "born_days": counted_from(f) - c["age_at_entry"],
                "entered_days": _unless_late(f["entered"], self.end),
                "frailty": c["frailty"],
                "order": _named(W.ORDERS, g["order"]),
                "ordered_days": g["ordered_at"],
                "lives": _named(W.PLACEMENT_TYPES, g["place"]),
                "in_care": g["in_care"] == 1,
                "moves": g["moves"],
                "unplanned_moves": g["unplanned"],
                "re_entries": g["re_entries"],
                "permanent_days": g["permanent_at"],
            }
        )
        return _with_units(out)

    @cached_property
    def group_placements(self) -> pd.DataFrame:
        """One row for each placement of a group of siblings; `placements` has one for each child."""
        r = rows_about(self.record, *W.PLACED)
        order = np.lexsort((np.arange(len(r)), r["subject"]))
        r = r[order]
        group = r["subject"].astype(np.int64)
        last = np.append(group[1:] != group[:-1], True) if len(r) else np.zeros(0, bool)
        end = np.append(r["time"][1:], np.nan) if len(r) else np.zeros(0)
        end = np.where(last, np.nan, end)
        place, why = r["value"].astype(int), W.which(W.PLACED, r["event"])
        begins = (why == W.AT_ENTRY) | (why == W.RE_ENTRY)
        out = pd.DataFrame(
            {
                "group": group,
                "family": group // LARGEST_FAMILY,
                "episode": pd.Series(begins).groupby(group).cumsum().to_numpy(int)
                if len(r)
                else np.zeros(0, int),
                "number": pd.Series(group).groupby(group).cumcount().to_numpy()
                if len(r)
                else np.zeros(0, int),
                "type": _named(W.PLACEMENT_TYPES, place),
                "began_by": _named(W.PLACEMENT_REASONS, why),
                "ended_by": _named(
                    ("open", *W.PLACEMENT_REASONS), np.where(last, 0, np.append(why[1:], 0) + 1)
                )
                if len(r)
                else _named(("open",), np.zeros(0, int)),
                "in_care": ~np.isin(place, W.OUT_OF_CARE),
                "start_days": r["time"],
                "end_days": end,
            }
        )
        return _with_units(out)

    @cached_property
    def placements(self) -> pd.DataFrame:
        """One row for each child and placement: type, why it began and ended, from when to when (NaN: still there)."""
        c = self.tables["children"][self.lived]
        who = pd.DataFrame({"child": c["index"], "group": c["group"]})
        out = who.merge(self.group_placements, on="group", how="inner").sort_values(["child", "number"])
        return _with_units(out.reset_index(drop=True))

    @cached_property
    def proceedings(self) -> pd.DataFrame:
        """One row for each set of proceedings that was issued: first or again, when decided, hearings, evidence."""
        r = self.record
        issued = rows_about(r, W.PROCEEDINGS_ISSUED)
        decided = rows_about(r, W.CASE_DECIDED)
        out = pd.DataFrame(
            {"case": issued["subject"], "again": issued["value"].astype(int), "issued_days": issued["time"]}
        )
        out["n"] = out.groupby("case").cumcount()
        end = pd.DataFrame(
            {
                "case": decided["subject"],
                "decided_days": decided["time"],
                "hearings": decided["value"].astype(int),
            }
        )
        end["n"] = end.groupby("case").cumcount()
        out = out.merge(end, on=["case", "n"], how="left").drop(columns="n")
        cases = self.tables["cases"][out["case"].to_numpy(int)]
        families = self.tables["families"][cases["family"]]
        out.insert(1, "family", cases["family"])
        out.insert(2, "court", _named(self.names["courts"], families["court"]))
        out.insert(3, "arm", _named(W.ARMS, np.where(out["again"] == 0, families["arm"], W.NOT_ALLOCATED)))
        out["weeks"] = (out["decided_days"] - out["issued_days"]) / 7.0
        return _with_units(out)

    @cached_property
    def hearings(self) -> pd.DataFrame:
        """One row for each hearing listed: kind, when listed and held (NaN: not yet), result.

        `case` and `again` name the proceedings, as in `proceedings`: a group that comes back into care twice has its
        second and its third under one number of the case.

        A hearing of several days is held on its last. The n-th listed of a kind in a case is the n-th held of that
        kind: an interim hearing may be listed and held while another waits for its day.
        """
        listed, held = rows_about(self.record, *W.HEARING_LISTED), rows_about(self.record, *W.HEARING_HELD)
        kind = W.which(W.HEARING_LISTED, listed["event"])
        out = pd.DataFrame({"case": listed["subject"], "listed_days": listed["time"], "kind": kind})
        out["again"] = again_of(self.record, listed)
        end = pd.DataFrame(
            {
                "case": held["subject"],
                "held_days": held["time"],
                "kind": held["value"].astype(int),
                "result": _named(W.HEARING_RESULTS, W.which(W.HEARING_HELD, held["event"])),
            }
        )
        of = ["case", "kind"]
        out["n"], end["n"] = out.groupby(of).cumcount(), end.groupby(of).cumcount()
        out = out.merge(end, on=[*of, "n"], how="left").drop(columns="n")
        out["kind"] = _named(W.HEARINGS, out["kind"].to_numpy(int))
        out = out[["case", "again", "listed_days", "held_days", "kind", "result"]]
        cases = self.tables["cases"][out["case"].to_numpy(int)]
        out.insert(2, "family", cases["family"])
        families = self.tables["families"][cases["family"]]
        out.insert(3, "court", _named(self.names["courts"], families["court"]))
        return _with_units(out)

    @cached_property
    def services(self) -> pd.DataFrame:
        """One row for each randomised family: what it received; LIFT's dates. Treatment is that with birth parents."""
        f = self.tables["families"]
        f = f[(f["n_children"] > 0) & (f["arm"] != W.NOT_ALLOCATED)]
        out = pd.DataFrame(
            {
                "family": f["index"],
                "site": _named(self.names["sites"], f["site"]),
                "arm": _named(W.ARMS, f["arm"]),
                "receipt": _named(W.RECEIPTS, f["receipt"]),
                "settled_days": f["settled"],
                "asked_days": f["lift_asked"],
                "started_days": f["lift_started"],
                "assessed_days": f["lift_assessed"],
                "treatment_indicated": f["treatment_indicated"] == 1,
                "treatment": _named(W.TREATMENTS, f["treatment"]).where(~np.isnan(f["treatment_started"])),
                "treatment_started_days": f["treatment_started"],
                "treatment_ended_days": f["treatment_ended"],
                "place_freed_days": f["lift_freed"],
                "carers_started_days": f["carers_started"],
                "carers_ended_days": f["carers_ended"],
            }
        )
        return _with_units(out)

    @cached_property
    def assessments(self) -> pd.DataFrame:
        """One row for each report asked for outside LIFT or made by it: by whom, when asked, begun and in."""
        asked = rows_about(self.record, W.ASSESSOR_ASKED)
        started = rows_about(self.record, W.ASSESSMENT_STARTED)
        done = rows_about(self.record, W.EVIDENCE_IN)
        out = pd.DataFrame(
            {
                "case": asked["subject"],
                "assessor": _named(W.ASSESSORS, asked["value"].astype(int)),
                "asked_days": asked["time"],
            }
        )
        first = pd.DataFrame({"case": started["subject"], "started_days": started["time"]})
        usual = done[done["value"] != W.BY_LIFT]
        last = pd.DataFrame({"case": usual["subject"], "in_days": usual["time"]})
        out["n"], first["n"] = (
            asks_before(self.record, W.ASSESSOR_ASKED),
            asks_before(self.record, W.ASSESSMENT_STARTED),
        )
        last["n"] = asks_before(self.record, W.EVIDENCE_IN)[done["value"] != W.BY_LIFT]
        out = out.merge(first, on=["case", "n"], how="left").merge(last, on=["case", "n"], how="left")
        by_lift = done[done["value"] == W.BY_LIFT]
        lift = pd.DataFrame({"case": by_lift["subject"], "assessor": "lift", "in_days": by_lift["time"]})
        if len(lift):
            f = self.tables["families"][lift["case"].to_numpy(int)]
            lift["asked_days"], lift["started_days"] = f["lift_asked"], f["lift_started"]
            out = pd.concat([out, lift], ignore_index=True)
        return _with_units(out.drop(columns="n"))

    @cached_property
    def visits(self) -> pd.DataFrame:
        """One row for each child and visit that fell due: seen or missed, age, scores (NaN where not seen)."""
        c = self.tables["children"][self.lived]
        f = self.tables["families"][c["family"]]
        scores = {name: score[self.lived] for name, score in self.scores.items()}
        parts = []
        for k in range(W.VISITS):
            due = f["visit_state"][:, k] > 0
            seen = f["visit_state"][due, k] == W.SEEN
            parts.append(
                pd.DataFrame(
                    {
                        "child": c["index"][due],
                        "family": c["family"][due],
                        "arm": _named(W.ARMS, f["arm"][due]),
                        "visit": k + 1,
                        "due_days": f["visit_due"][due, k],
                        "visit_days": f["visit_at"][due, k],
                        "seen": seen,
                        "visit_age_days": c["age_at_entry"][due] + f["visit_at"][due, k] - f["entered"][due],
                        "moves": c["moves_then"][due, k],
                        **{name: np.where(seen, score[due, k], np.nan) for name, score in scores.items()},
                    }
                )
            )
        return _with_units(pd.concat(parts, ignore_index=True))

    @cached_property
    def queues(self) -> pd.DataFrame:
        """Waiting lists over time: at each change, those waiting for and those holding a place of each resource.

        LIFT teams (families, of the trial while they are assessed, and others) and, where their number is limited,
        parenting assessors (cases). `attrs["places"]` lists the changes of the places of each profession of a team:
        (resource, time in days, families at a time).
        """
        parts = [self._team_queue(i) for i in range(len(self.names["teams"]))]
        parts += [
            self._assessor_queue(i)
            for i in range(3)
            if f"sau.{W.ASSESSORS[i]}" in set(self.resources["resource"])
        ]
        out = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        out = _with_units(out)
        changes, of = (
            rows_about(self.record, *W.TEAM_PLACES),
            dict(zip(W.TEAM_PLACES, W.PROFESSIONS, strict=True)),
        )
        lines = [f"lift.{self.names['teams'][row['subject']]}.{of[row['event']]}" for row in changes]
        times, places = changes["time"].tolist(), changes["value"].astype(int).tolist()
        out.attrs["places"] = list(zip(lines, times, places, strict=True))
        return out

    def _team_queue(self, team: int) -> pd.DataFrame:
        f, o = self.tables["families"], self.tables["others"]
        mine = f[(f["team"] == team) & (f["lift_waited"] == 1)]
        left = np.where(np.isnan(mine["lift_started"]), mine["settled"], mine["lift_started"])
        others = o[(o["team"] == team) & (o["asked"] <= self.end)]
        return self._steps(
            f"lift.{self.names['teams'][team]}",
            (mine["lift_asked"], 1, 0), (left, -1, 0), (mine["lift_started"], 0, 1), (mine["lift_freed"], 0, -1),
            (others["asked"], 1, 0), (others["started"], -1, 1), (others["gave_up"], -1, 0), (others["ended"], 0, -1),
        )  # fmt: skip

    def _assessor_queue(self, assessor: int) -> pd.DataFrame:
        mine = self.record[self.record["value"] == assessor]
        events = (W.ASSESSOR_ASKED, W.ASSESSMENT_STARTED, W.EVIDENCE_IN, W.ASSESSMENT_LEFT)
        asked, started, done, gone = (rows_about(mine, event) for event in events)
        # an order, or LIFT, may come first while a case waits or while it is assessed: in that assessment, had it
        # begun?
        begun = set(
            zip(started["subject"].tolist(), asks_before(mine, W.ASSESSMENT_STARTED).tolist(), strict=True)
        )
        left = zip(gone["subject"].tolist(), asks_before(mine, W.ASSESSMENT_LEFT).tolist(), strict=True)
        from_work = np.asarray([which in begun for which in left], bool)
        return self._steps(
            f"sau.{W.ASSESSORS[assessor]}",
            (asked["time"], 1, 0),
            (started["time"], -1, 1),
            (done["time"], 0, -1),
            (gone["time"][from_work], 0, -1),
            (gone["time"][~from_work], -1, 0),
        )

    def _steps(self, resource: str, *steps: tuple[np.ndarray, int, int]) -> pd.DataFrame:
        """The numbers waiting and served after each change, from (times, change in waiting, change in places held).

        What changes at one moment is one change: a place that is given back is taken by the next at the same moment,
        and is held by one of them.
        """
        time = np.concatenate([at for at, _, _ in steps])
        waiting = np.concatenate([np.full(len(at), change) for at, change, _ in steps])
        held = np.concatenate([np.full(len(at), change) for at, _, change in steps])
        keep = np.flatnonzero(~np.isnan(time) & (time <= self.end))
        moments, which = np.unique(time[keep], return_inverse=True)
        changes = {"waiting": waiting, "places_held": held}
        after = {
            name: np.cumsum(np.bincount(which, change[keep], len(moments))).astype(int)
            for name, change in changes.items()
        }
        return pd.DataFrame({"resource": resource, "time_days": moments, **after})

    # --- one child ------------------------------------------------------------------------------------------
    def child(self, which: int | str) -> int:
        """The number of a child of some description.

        Parameters
        ----------
        which : int or str
            ``"first"``, ``"first LIFT"``, ``"first SAU"``, ``"first adopted"``, ``"first home"``, ``"first kin"``,
            ``"first re-entry"`` or ``"most moves"``; `best_sim.pathway.story.CHOICES` says what they mean. A number is
            given back if there is such a child.

        Returns
        -------
        int

        Raises
        ------
        UnknownChildError
            If this run has no child like that.
        """
        from best_sim.pathway.story import choose_child

        return choose_child(self, which)

    def story(self, child: int | str) -> Story:
        """One child's story in plain words: every event that concerns the child, in order of time.

        Parameters
        ----------
        child : int or str
            A number of the table of children, or a description as of `child`.

        Returns
        -------
        Story
            ``print(story)`` prints it.

        Raises
        ------
        UnknownChildError
            If this run has no such child.
        """
        from best_sim.pathway.story import story

        return story(self, child)

    def timeline(self, child: int | str, other: Journeys | None = None) -> Figure:
        """One child's story drawn: where the child lived, the court, the service, the trial.

        Parameters
        ----------
        child : int or str
            A number of the table of children, or a description as of `child`.
        other : Journeys, optional
            The same replicate in which something else happened, mostly ``simulate(..., arm="SAU")``: the same child
            is drawn beneath, on the same axis.

        Returns
        -------
        matplotlib.figure.Figure
            Shown by a notebook; `best_sim.drawing.style.save` writes it as PNG and SVG.

        Raises
        ------
        UnknownChildError
            If this run has no such child.
        """
        from best_sim.pathway.timeline import timeline_figure

        return timeline_figure(self, child, other)

    # --- files ----------------------------------------------------------------------------------------------
    def save(self, folder: str | Path, *, tidy: bool = True) -> Path:
        """Write the journeys as Parquet files, with a small JSON file of what they belong to.

        Parameters
        ----------
        folder : path
            Made where it doesn't exist; files of an earlier save are replaced.
        tidy : bool
            Whether to write the tidy tables for other programs beside the records.

        Returns
        -------
        pathlib.Path
            The folder. It holds the records (`record.parquet`, `raw_*.parquet`), from which `Journeys.read` makes the
            same object again, and the tidy tables.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_rows(self.record, folder / "record.parquet")
        for name, rows in self.tables.items():
            write_rows(rows, folder / f"raw_{name}.parquet")
        for name in _TIDY if tidy else ():
            table = getattr(self, name).copy()
            table.attrs = {}
            table.to_parquet(folder / f"{name}.parquet", index=False)
        write_rows(self.use, folder / "raw_resources.parquet")
        about: dict[str, Any] = {
            "names": {key: list(value) for key, value in self.names.items()},
            "start_date": self.start_date.isoformat(),
            "start": self.start,
            "end": self.end,
            "seed": self.seed,
            "replicate": self.replicate,
            "n_steps": self.n_steps,
            "events": EVENT_NAMES,
            "outcomes": asdict(self.outcomes),
            "scenario": self.scenario,
            "overridden": self.overridden,
        }
        (folder / "journeys.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        return folder

    @classmethod
    def read(cls, folder: str | Path) -> Journeys:
        """Read journeys that `save` wrote.

        Raises
        ------
        FileNotFoundError
            If the folder holds no journeys.
        ValueError
            If they were written with another list of events, so that their numbers mean something else.
        """
        folder = Path(folder)
        if not (folder / "journeys.json").is_file():
            raise FileNotFoundError(f"{folder}: no journeys here (journeys.json is missing)")
        about = json.loads((folder / "journeys.json").read_text(encoding="utf-8"))
        known = tuple(about.get("events", ()))
        if not known or known != EVENT_NAMES[: len(known)]:
            raise ValueError(f"{folder}: written by a version with another list of events; simulate it again")
        return cls(
            event_record=read_rows(folder / "record.parquet", EVENT),
            tables={name: read_rows(folder / f"raw_{name}.parquet", TABLES[name]) for name in _KEPT},
            use=read_rows(folder / "raw_resources.parquet", USE),
            names={key: tuple(value) for key, value in about["names"].items()},
            start_date=dt.date.fromisoformat(about["start_date"]),
            start=about["start"],
            end=about["end"],
            seed=about["seed"],
            replicate=about["replicate"],
            n_steps=about["n_steps"],
            outcomes=OutcomeModel.from_dict(about["outcomes"]),
            scenario=about.get("scenario", ""),
            overridden=tuple(about.get("overridden", ())),
        )


def _named(names: tuple[str, ...], numbers: np.ndarray) -> pd.Series:
    # Any: pandas' types want the categories' own type, which is str here
    categories: Any = list(names)
    return pd.Series(pd.Categorical.from_codes(np.asarray(numbers, np.int64), categories=categories))


def _unless_late(times: np.ndarray, end: float) -> np.ndarray:
    """A time that lies beyond the end of the run has not come."""
    return np.where(times <= end, times, np.nan)


def _with_units(table: pd.DataFrame) -> pd.DataFrame:
    units = {}
    for column in table.columns:
        ending = next(
            (u for key, u in UNITS.items() if str(column) == key or str(column).endswith(key)), None
        )
        if str(column) == "weeks":
            ending = "weeks from issue to decision"
        if ending:
            units[str(column)] = ending
    table.attrs["units"] = units
    return table
