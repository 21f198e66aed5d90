"""Power and recruitment: how often the trial would find an effect, and how long it would take to recruit.

A design is the scenario with one effect of LIFT on the outcome. All designs meet the same luck, replicate by replicate,
so they differ by the effect alone.
"""

from __future__ import annotations

import datetime as dt
import difflib
import tomllib
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.replications import Plan, run, workers
from best_sim.scenario import Problem, Scenario, ScenarioError
from best_sim.trial.analysis import PRIMARY_METHODS
from best_sim.trial.closed_forms import (
    clopper_pearson_interval,
    monte_carlo_error,
    monte_carlo_error_mean,
    monte_carlo_error_quantile,
    monte_carlo_error_sd,
    power_clustered,
)
from best_sim.trial.consort import Pair, consort
from best_sim.trial.outcomes import analysis_set

MONTH = 365.25 / 12
EFFECT = {"sdq": "outcomes.sdq.lift_effect", "pirgas": "outcomes.pirgas.lift_effect"}
_KEYS = (
    "title",
    "question",
    "scenario",
    "replicates",
    "seed",
    "outcome",
    "visit",
    "method",
    "alpha",
    "design",
)
_PICTURED = 24
"""Replicates whose journeys are kept for pictures of what happens to the children."""
_DESIGN_KEYS = ("name", "note", "effect", "set")


@dataclass(frozen=True)
class Design:
    """One design: an effect of LIFT, and other parameters that differ from the scenario.

    Attributes
    ----------
    name, note : str
    effect : float
        On the outcome of a child to whom it applies (`outcomes.effect_applies_to`), in points.
    changes : tuple of str
        Overrides, ``key=value``.
    """

    name: str
    note: str
    effect: float
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PowerExperiment:
    """What is asked.

    Attributes
    ----------
    name, title, question : str
    scenario : str
        Name or path.
    replicates, seed : int
    outcome : {"sdq", "pirgas"}
    visit : int
    method : str
        One of `best_sim.trial.analysis.PRIMARY_METHODS`.
    alpha : float
        Two-sided level.
    designs : tuple of Design
    overrides : tuple of str
        Applied to every design.
    """

    name: str
    title: str
    question: str
    scenario: str
    replicates: int
    seed: int
    outcome: Literal["sdq", "pirgas"]
    visit: int
    method: str
    alpha: float
    designs: tuple[Design, ...]
    overrides: tuple[str, ...] = ()
    text: str = field(default="", repr=False)

    @classmethod
    def load(cls, name_or_path: str | Path = "power", **changes: Any) -> PowerExperiment:
        """Read an experiment.

        Parameters
        ----------
        name_or_path : str or path
            A shipped experiment's name, or the path of a TOML file.
        **changes
            Fields to set otherwise (replicates, seed, scenario, overrides); None leaves the file's.

        Returns
        -------
        PowerExperiment

        Raises
        ------
        ScenarioError
            With everything that is wrong in the file.
        """
        path, text = _find(name_or_path)
        try:
            raw = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ScenarioError([Problem(file=path, message=f"this is not TOML: {error}")]) from error
        experiment = _read(Path(path).stem, path, raw, text)
        return replace(experiment, **{key: value for key, value in changes.items() if value is not None})

    def scenario_of(self, design: Design) -> Scenario:
        """The scenario of one design."""
        changes = (*self.overrides, f"{EFFECT[self.outcome]}={float(design.effect)!r}", *design.changes)
        return Scenario.load(self.scenario, changes)


@dataclass(frozen=True)
class PowerResult:
    """What came out.

    Attributes
    ----------
    experiment : PowerExperiment
    scenario : Scenario
        Without a design's effect.
    replicates : pandas.DataFrame
        One row for each replicate and design.
    power : pandas.DataFrame
        One row for each design: design, effect, power, mcse, low, high, closed_form, replicates, failed, note.
    summary : pandas.DataFrame
        Tidy: design, quantity, value, mcse, low, high, unit, note.
    curve : pandas.DataFrame
        Families randomised by the end of each month: date, low90, low50, median, high50, high90.
    when : tuple
        Date on which the target is reached: early end of the 90 % interval, median, late end; None where not reached.
    flow : dict
        Mean CONSORT flow.
    sample : list of Journeys
        The first replicates, for pictures of what happens to the children.
    """

    experiment: PowerExperiment
    scenario: Scenario
    replicates: pd.DataFrame
    power: pd.DataFrame
    summary: pd.DataFrame
    curve: pd.DataFrame
    when: tuple[dt.date | None, dt.date | None, dt.date | None]
    flow: dict[str, Pair]
    sample: list[Journeys]


@dataclass(frozen=True)
class _Work:
    """One replicate of every design: a row for each."""

    lowered: tuple[Lowered, ...]
    names: tuple[str, ...]
    effects: tuple[float, ...]
    seed: int
    outcome: Literal["sdq", "pirgas"]
    visit: int
    method: str
    alpha: float
    engine: Literal["compiled", "simpy"]

    def __call__(self, number: int) -> list[dict[str, Any]]:
        rows = []
        for lowered, name, effect in zip(self.lowered, self.names, self.effects, strict=True):
            journeys = simulate(lowered, self.seed, number, self.engine)
            rows.append(
                {"design": name, "replicate": number, "effect": effect}
                | self._analysis(journeys)
                | _recruitment(journeys, int(lowered.world["target"][0]))
                | _what_happened(journeys)
                | {f"flow.{key}": list(value) for key, value in consort(journeys).items()}
            )
        return rows

    def _analysis(self, journeys: Journeys) -> dict[str, Any]:
        data = analysis_set(journeys, self.outcome, self.visit)
        fit = PRIMARY_METHODS[self.method](
            data.y, data.treated, data.family, data.covariates, alpha=self.alpha
        )
        lift, sau = data.treated == 1, data.treated == 0
        both = ~np.isnan(data.baseline)
        sizes = (
            np.bincount(np.unique(data.family, return_counts=True)[1], minlength=4)[1:4]
            if len(data.y)
            else [0, 0, 0]
        )
        return {
            "estimate": fit.estimate,
            "standard_error": fit.standard_error,
            "df": fit.df,
            "p": fit.p_value,
            "low": fit.interval[0],
            "high": fit.interval[1],
            "converged": fit.converged,
            "note": fit.note,
            "families_lift": len(np.unique(data.family[lift])),
            "families_sau": len(np.unique(data.family[sau])),
            "children_lift": int(lift.sum()),
            "children_sau": int(sau.sum()),
            "families_of_one": int(sizes[0]),
            "families_of_two": int(sizes[1]),
            "families_of_three": int(sizes[2]),
            "family_variance": fit.family_variance,
            "residual_variance": fit.residual_variance,
            "mean_lift": _mean(data.y[lift]),
            "mean_sau": _mean(data.y[sau]),
            "sd_lift": _sd(data.y[lift]),
            "sd_sau": _sd(data.y[sau]),
            "baseline_share": _mean(both),
            "baseline_correlation": float(np.corrcoef(data.y[both], data.baseline[both])[0, 1])
            if both.sum() > 2
            else np.nan,
            "received_lift": _mean(data.received[lift]),
            "received_sau": _mean(data.received[sau]),
        }


def run_power(
    experiment: PowerExperiment,
    *,
    engine: Literal["compiled", "simpy"] = "compiled",
    executor: Executor | None | Literal["default"] = "default",
    progress: Callable[[int], object] | None = None,
) -> PowerResult:
    """Run a power experiment.

    Parameters
    ----------
    experiment : PowerExperiment
    engine : {"compiled", "simpy"}
    executor : concurrent.futures.Executor or None, optional
        By default, workers on this machine's cores.
    progress : callable, optional
        Called with the number of replicates done.

    Returns
    -------
    PowerResult

    Raises
    ------
    ScenarioError
        If the scenario or a design can't be used; before anything is simulated.
    """
    scenarios = [experiment.scenario_of(design) for design in experiment.designs]
    base = Scenario.load(experiment.scenario, experiment.overrides)
    work = _Work(
        lowered=tuple(lower(s) for s in scenarios),
        names=tuple(d.name for d in experiment.designs),
        effects=tuple(d.effect for d in experiment.designs),
        seed=experiment.seed,
        outcome=experiment.outcome,
        visit=experiment.visit,
        method=experiment.method,
        alpha=experiment.alpha,
        engine=engine,
    )
    own = workers(engine) if executor == "default" else executor
    try:
        rows = list(run(Plan(work, experiment.replicates), own, progress))
    finally:
        if executor == "default" and isinstance(own, Executor):
            own.shutdown(cancel_futures=True)
    got = pd.DataFrame(rows)
    applies = [s.outcomes.effect_applies_to for s in scenarios]
    power = pd.DataFrame(
        [
            _power_of(experiment, d, got[got["design"] == d.name], a)
            for d, a in zip(experiment.designs, applies, strict=True)
        ]
    )
    first = got[got["design"] == experiment.designs[0].name]
    start = work.lowered[0].start_date
    sample = [
        simulate(work.lowered[0], experiment.seed, k, engine)
        for k in range(min(_PICTURED, experiment.replicates))
    ]
    return PowerResult(
        experiment=experiment,
        scenario=base,
        replicates=got,
        power=power,
        summary=_summary(got, power, first),
        curve=_curve(first, start),
        when=_when(first, start),
        flow=_flow(first),
        sample=sample,
    )


# --- one replicate ------------------------------------------------------------------------------------------
def _recruitment(j: Journeys, target: int) -> dict[str, Any]:
    f = j.tables["families"]
    at = np.sort(f["randomised"][f["arm"] != W.NOT_ALLOCATED])
    edges = _month_ends(j.start_date, j.end)
    by_site = {
        f"randomised.{name}": int(((f["arm"] != W.NOT_ALLOCATED) & (f["site"] == k)).sum())
        for k, name in enumerate(j.names["sites"])
    }
    return {
        "randomised": len(at),
        "target_days": float(at[target - 1]) if len(at) >= target else np.nan,
        "by_month": np.searchsorted(at, edges).tolist(),
        **by_site,
    }


def _what_happened(j: Journeys) -> dict[str, Any]:
    """Outcomes of children who entered with 30 months to follow, by arm."""
    c = j.tables["children"][j.lived]
    f, g = j.tables["families"][c["family"]], j.tables["groups"][c["group"]]
    out: dict[str, Any] = {}
    for arm, number in (("lift", W.LIFT), ("sau", W.SAU)):
        use = (f["arm"] == number) & (f["entered"] + 30 * MONTH <= j.end)
        within = g["permanent_at"][use] - f["entered"][use] <= 30 * MONTH
        out[f"permanent_30_months_{arm}"] = _mean(within)
        out[f"moves_{arm}"] = _mean(c["moves_then"][use & (f["visit_state"][:, 2] > 0), 2])
        for order in range(1, len(W.ORDERS)):
            out[f"{W.ORDERS[order]}_{arm}"] = _mean(g["order"][use] == order)
    return out


def _month_ends(start: dt.date, end: float) -> np.ndarray:
    """Days from the start to the first of each following month, to the end of the run."""
    days: list[int] = []
    year, month = start.year, start.month
    while True:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        day = (dt.date(year, month, 1) - start).days
        if day > end:
            return np.asarray(days, float)
        days.append(day)


# --- over replicates ----------------------------------------------------------------------------------------
def _power_of(
    experiment: PowerExperiment, design: Design, rows: pd.DataFrame, applies: str
) -> dict[str, Any]:
    fits = rows[rows["converged"]]
    n = len(fits)
    found = int((fits["p"] < experiment.alpha).sum())
    share = found / n if n else np.nan
    low, high = clopper_pearson_interval(found, n) if n else (np.nan, np.nan)
    closed = _closed_form(experiment, design, fits, applies)
    return {
        "design": design.name,
        "effect": design.effect,
        "power": share,
        "mcse": monte_carlo_error(share, n) if n else np.nan,
        "low": low,
        "high": high,
        "closed_form": closed.power if closed else np.nan,
        "replicates": n,
        "failed": len(rows) - n,
        "note": design.note,
        "closed_form_effect": closed.effect_intention_to_treat if closed else np.nan,
        "closed_form_se": closed.standard_error if closed else np.nan,
    }


def _closed_form(experiment: PowerExperiment, design: Design, fits: pd.DataFrame, applies: str) -> Any:
    """The closed form for the same design, fed with the simulation's own sizes, spread and correlations."""
    if fits.empty or fits[["families_lift", "families_sau"]].mean().min() < 3:
        return None
    total = fits["family_variance"] + fits["residual_variance"]
    icc = float(np.clip(fits["family_variance"].mean() / total.mean(), 0.0, 0.99))
    received = float(fits["received_lift"].mean()) if applies == "received" else 1.0
    return power_clustered(
        effect=design.effect,
        sd=float(np.sqrt((fits["sd_lift"] ** 2 + fits["sd_sau"] ** 2).mean() / 2)),
        families_per_arm=(float(fits["families_lift"].mean()), float(fits["families_sau"].mean())),
        size_shares={
            1: fits["families_of_one"].sum(),
            2: fits["families_of_two"].sum(),
            3: fits["families_of_three"].sum(),
        },
        icc=icc,
        baseline_correlation=float(np.nan_to_num(fits["baseline_correlation"].mean())),
        baseline_measured_share=float(fits["baseline_share"].mean()),
        share_received=received,
        alpha=experiment.alpha,
    )


class _Tidy:
    """Rows of the summary: a quantity of a design, with its Monte Carlo standard error."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def say(
        self,
        design: str,
        quantity: str,
        value: float,
        mcse: float,
        unit: str,
        note: str = "",
        interval: tuple[float, float] = (np.nan, np.nan),
    ) -> None:
        low, high = interval
        self.rows.append(
            {"design": design, "quantity": quantity, "value": float(value), "mcse": mcse, "low": low, "high": high,
             "unit": unit, "note": note}
        )  # fmt: skip

    def mean(
        self, design: str, quantity: str, values: pd.Series | np.ndarray, unit: str, note: str = ""
    ) -> None:
        got = np.asarray(values, float)
        got = got[~np.isnan(got)]
        value = got.mean() if len(got) else np.nan
        self.say(design, quantity, value, _mean_error(got) if len(got) > 1 else np.nan, unit, note)


def _summary(got: pd.DataFrame, power: pd.DataFrame, first: pd.DataFrame) -> pd.DataFrame:
    tidy = _Tidy()
    for record in power.to_dict("records"):
        row = {str(key): value for key, value in record.items()}
        mine = got[(got["design"] == row["design"]) & got["converged"]]
        _summarise_design(tidy, row, mine)
    _summarise_everyone(tidy, first)
    return pd.DataFrame(tidy.rows)


def _summarise_design(tidy: _Tidy, row: dict[str, Any], mine: pd.DataFrame) -> None:
    """The ADEMP measures of one design (Morris, White and Crowther 2019)."""
    name, n, truth = row["design"], len(mine), row["closed_form_effect"]
    tidy.say(
        name, "power", row["power"], row["mcse"], "share", "two-sided p below alpha; type I error where no effect",
        (row["low"], row["high"]),
    )  # fmt: skip
    tidy.say(
        name, "power by closed form", row["closed_form"], np.nan, "share",
        "noncentral t, design effect for siblings, baseline and receipt; it leaves out what passes through moves, the "
        "floor of the score, and that those missed differ from those seen",
    )  # fmt: skip
    tidy.say(name, "fits that failed", row["failed"], np.nan, "replicates")
    tidy.say(
        name, "intention-to-treat effect", truth, np.nan, "points", "direct effect x share that received LIFT"
    )
    if n > 1:
        estimates = mine["estimate"].to_numpy()
        spread = float(np.std(estimates, ddof=1))
        covered = float(((mine["low"] <= truth) & (mine["high"] >= truth)).mean())
        tidy.mean(
            name, "mean estimate less direct effect", estimates - truth, "points",
            "not only bias: moves add to the score, LIFT cases last longer, and the floor at 0 shrinks a benefit",
        )  # fmt: skip
        tidy.say(name, "empirical standard error", spread, monte_carlo_error_sd(spread, n), "points")
        tidy.mean(name, "model standard error", mine["standard_error"], "points")
        tidy.say(name, "coverage of the direct effect", covered, monte_carlo_error(covered, n), "share")
        tidy.mean(
            name,
            "width of the interval",
            mine["high"] - mine["low"],
            "points",
            "published: 4.16 (-0.63 to 3.53)",
        )
    for column, unit in (
        ("mean_lift", "points"), ("mean_sau", "points"), ("sd_lift", "points"), ("sd_sau", "points"),
        ("families_lift", "families"), ("families_sau", "families"), ("children_lift", "children"),
        ("children_sau", "children"), ("received_lift", "share"), ("received_sau", "share"),
    ):  # fmt: skip
        tidy.mean(name, column.replace("_", ", "), mine[column], unit)


def _summarise_everyone(tidy: _Tidy, first: pd.DataFrame) -> None:
    """What does not depend on the effect: recruitment, what happens to the children, the flow."""
    name = "all designs"
    reached = float(first["target_days"].notna().mean())
    error = monte_carlo_error(reached, len(first))
    tidy.say(name, "target reached within the run", reached, error, "share")
    months = first["target_days"].dropna().to_numpy() / MONTH
    if len(months) > 1:
        low, high = np.quantile(months, [0.05, 0.95])
        tidy.say(
            name, "months to the target, median", float(np.median(months)), monte_carlo_error_quantile(months, 0.5),
            "months", "from the start date, of replicates that reach it; 90 % interval", (float(low), float(high)),
        )  # fmt: skip
    tidy.mean(name, "families randomised", first["randomised"], "families")
    for column in [c for c in first.columns if c.startswith("randomised.")]:
        tidy.mean(name, column.replace("randomised.", "families randomised, "), first[column], "families")
    for arm in ("lift", "sau"):
        tidy.mean(name, f"permanent within 30 months, {arm}", first[f"permanent_30_months_{arm}"], "share")
        tidy.mean(name, f"moves by the 30-month visit, {arm}", first[f"moves_{arm}"], "moves")
        for order in W.ORDERS[1:]:
            tidy.mean(name, f"{order.replace('_', ' ')}, {arm}", first[f"{order}_{arm}"], "share")
    for box in _flow(first):
        tidy.mean(name, f"flow: {box}", np.asarray([pair[0] for pair in first[f"flow.{box}"]]), "families")


def _curve(rows: pd.DataFrame, start: dt.date) -> pd.DataFrame:
    counts = np.asarray(rows["by_month"].tolist(), float)
    q = np.quantile(counts, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
    dates, year, month = [], start.year, start.month
    for _ in range(counts.shape[1]):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        dates.append(dt.date(year, month, 1))
    return pd.DataFrame(
        {"date": dates, "low90": q[0], "low50": q[1], "median": q[2], "high50": q[3], "high90": q[4]}
    )


def _when(rows: pd.DataFrame, start: dt.date) -> tuple[dt.date | None, dt.date | None, dt.date | None]:
    """5th, 50th and 95th centile of the day on which the target is reached, replicates that never reach it last."""
    days = np.sort(rows["target_days"].fillna(np.inf))
    got = [days[min(len(days) - 1, int(np.ceil(q * len(days))) - 1)] for q in (0.05, 0.5, 0.95)]
    early, median, late = (start + dt.timedelta(days=float(d)) if np.isfinite(d) else None for d in got)
    return early, median, late


def _flow(rows: pd.DataFrame) -> dict[str, Pair]:
    out: dict[str, Pair] = {}
    for column in rows.columns:
        if column.startswith("flow."):
            values = np.asarray(rows[column].tolist(), float)
            out[column.removeprefix("flow.")] = (float(values[:, 0].mean()), float(values[:, 1].mean()))
    return out


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else np.nan


def _mean_error(values: pd.Series | np.ndarray) -> float:
    return monte_carlo_error_mean(float(np.std(values, ddof=1)), len(values))


def _sd(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else np.nan


# --- reading the file ---------------------------------------------------------------------------------------
def shipped_experiments() -> dict[str, Any]:
    """Experiments that come with the package, by name."""
    checkout = Path(__file__).resolve().parents[2] / "experiments"
    inside = files("best_sim") / "_experiments"
    folder: Any = inside if inside.is_dir() else checkout
    return {p.name.removesuffix(".toml"): p for p in folder.iterdir() if p.name.endswith(".toml")}


def _find(name_or_path: str | Path) -> tuple[str, str]:
    shipped = shipped_experiments()
    if str(name_or_path) in shipped:
        return f"{name_or_path}.toml", shipped[str(name_or_path)].read_text(encoding="utf-8")
    path = Path(name_or_path)
    if path.is_file():
        return str(path), path.read_text(encoding="utf-8")
    near = difflib.get_close_matches(str(name_or_path), shipped, n=1)
    raise ScenarioError(
        [
            Problem(
                file=str(name_or_path), message="no experiment has this name, and there is no such file",
                found=str(name_or_path), allowed=", ".join(sorted(shipped)), nearest=near[0] if near else None,
            )
        ]
    )  # fmt: skip


def _read(name: str, path: str, raw: dict[str, Any], text: str) -> PowerExperiment:
    problems = list(_unknown(path, "", raw, _KEYS))

    def take(
        key: str,
        kind: type | tuple[type, ...],
        allowed: str,
        check: Callable[[Any], bool],
        default: Any = None,
    ) -> Any:
        value = raw.get(key, default)
        right = isinstance(value, kind) and not (isinstance(value, bool)) and check(value)
        if not right:
            found = "nothing" if value is None else repr(value)
            problems.append(
                Problem(file=path, key=key, message="this can't be used", found=found, allowed=allowed)
            )
        return value

    methods = list(PRIMARY_METHODS)
    got = {
        "title": take("title", str, "a text", bool, name),
        "question": take("question", str, "a text", lambda v: True, ""),
        "scenario": take("scenario", str, "the name or path of a scenario", bool),
        "replicates": take("replicates", int, "a whole number, 1 or more", lambda v: v >= 1),
        "seed": take("seed", int, "a whole number, 0 or more", lambda v: v >= 0),
        "outcome": take("outcome", str, ", ".join(EFFECT), lambda v: v in EFFECT, "sdq"),
        "visit": take("visit", int, "1, 2 or 3", lambda v: v in (1, 2, 3), 3),
        "method": take("method", str, ", ".join(methods), lambda v: v in methods, methods[0]),
        "alpha": take("alpha", float, "between 0 and 1", lambda v: 0 < v < 1, 0.05),
    }
    designs = []
    listed = raw.get("design", [])
    if not isinstance(listed, list) or not listed:
        problems.append(
            Problem(file=path, key="design", message="there is no design", allowed="[[design]] tables")
        )
        listed = []
    for i, one in enumerate(listed):
        key = f"design[{i}]"
        problems += _unknown(path, key, one, _DESIGN_KEYS)
        effect = one.get("effect", 0.0)
        if not isinstance(effect, int | float) or isinstance(effect, bool):
            problems.append(
                Problem(
                    file=path,
                    key=f"{key}.effect",
                    message="not a number",
                    found=repr(effect),
                    allowed="points",
                )
            )
            effect = 0.0
        designs.append(
            Design(
                str(one.get("name", f"design {i + 1}")),
                str(one.get("note", "")),
                float(effect),
                tuple(one.get("set", ())),
            )
        )
    if len({d.name for d in designs}) < len(designs):
        problems.append(
            Problem(
                file=path, key="design", message="two designs have the same name", allowed="different names"
            )
        )
    if problems:
        raise ScenarioError(problems)
    return PowerExperiment(name=name, designs=tuple(designs), text=text, **got)


def _unknown(path: str, below: str, table: dict[str, Any], known: Iterable[str]) -> list[Problem]:
    names = list(known)
    out = []
    for key in table:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            out.append(
                Problem(
                    file=path, key=f"{below}.{key}".lstrip("."), message="no key has this name", found=key,
                    allowed=", ".join(names), nearest=near[0] if near else None,
                )
            )  # fmt: skip
    return out
