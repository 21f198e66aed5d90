"""Write the reference pages that follow from the code and the parameter files.

`python docs/make_reference.py` writes `docs/reference/parameters.md`, `events.md`, `tables.md` and `quantities.md`. A
test makes the same pages in memory and compares, so a page that has fallen behind is noticed.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from best_sim.measures.quantities import QUANTITIES
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.scenario import Scenario

HERE = Path(__file__).parent / "reference"
NOTE = "*This page is made by `python docs/make_reference.py`. Change what it is made from, not the page.*"

STAGES = {
    "simulation": "The run: first day, last day, how it begins.",
    "population": "Who the families and children are. Stage A of [the model](../explanation/model.md).",
    "entry": "How children come into care and when proceedings are issued. Stage A.",
    "trial": "Invitation, consent, randomisation. Stage B.",
    "proceedings": "Hearings, notice, adjournment, evidence. Stage C.",
    "childrens_hearings": "Scotland: reporter, hearings, sheriff, reviews and permanence. Stage C, in Scotland.",
    "sau": "Services as usual: who assesses the parents, and how long it takes. Stage D.",
    "lift": "LIFT and GIFT: uptake, assessment, treatment. Stage D.",
    "advice": "What the report to the court recommends: a logit. Stage E.",
    "orders": "What the court orders: a multinomial logit, against going home. Stage E.",
    "placements": "Unplanned moves, planned moves, breakdown. Stage F.",
    "visits": "When families are visited, and who is seen. Stage G.",
    "outcomes": "What the scores are. Stage G.",
    "costs": "Unit costs. Stage H.",
    "sites": "The two sites of the trial.",
    "courts": "Sitting time, and the other cases that share it.",
    "boroughs": "Where families come from, and when the trial opens there.",
}

EVENT_WORDS = {
    "entered_care": "The family's children come into care.",
    "placed_on_entry": "The group's first placement begins.",
    "moved_unplanned": "A placement breaks down; the next begins.",
    "moved_as_planned": "The group moves as was planned.",
    "stayed_with_carer": "The carer stays the same, and what the placement is changes.",
    "placed_on_re_entry": "Home or permanence broke down; the group is back in care.",
    "plan_made": "A step is planned for the group, or its plan has fallen away.",
    "proceedings_issued": "The court takes in an application.",
    "interim_listed": "An interim hearing is given its date.",
    "case_management_listed": "A case management hearing is given its date.",
    "issues_resolution_listed": "An issues resolution hearing is given its date.",
    "final_listed": "A final hearing is given its date.",
    "hearing_effective": "A hearing sits, and does what it was for.",
    "hearing_adjourned": "A hearing sits, and is adjourned to a further one.",
    "hearing_adjourned_for_evidence": "A hearing sits, and is adjourned, for the report is not in.",
    "evidence_in": "The report that the court waits for has come.",
    "case_decided": "The court has decided; its last hearing is over.",
    "order_made": "The order for one group of siblings.",
    "screened": "The trial looks at the family: invited, or why not.",
    "consent_answered": "The parents' answer, or what came before it.",
    "baseline_taken": "Baseline visit, where it precedes randomisation.",
    "randomised": "The family is allocated.",
    "recruitment_complete": "The target number has been randomised.",
    "found_ineligible": "A randomised family should not have been in the trial.",
    "assessor_asked": "A parenting assessment, or a statement, is asked for.",
    "assessment_started": "It begins.",
    "lift_asked": "LIFT is asked to take the family.",
    "lift_started": "The family has its clinicians; the assessment begins.",
    "lift_assessed": "Assessed, and discussed at the professionals' meeting.",
    "lift_recommended": "LIFT's report with its recommendation is before the court.",
    "treatment_started": "A trial of treatment with the birth parents begins.",
    "treatment_reviewed": "The mid-way review.",
    "treatment_ended": "Treatment ends, complete or broken off.",
    "carers_treatment_started": "Work with those who bring the child up begins.",
    "carers_treatment_ended": "It ends, complete or since the child left them.",
    "lift_place_freed": "The assessment's places with the team's clinicians are free again.",
    "service_settled": "It is settled whether the service allocated was received, and if not, why.",
    "visit_made": "A visit of the trial: the family is seen.",
    "visit_missed": "A visit of the trial was due: the family is not seen.",
    "social_work_places": "The places of a team's social workers change.",
    "psychology_places": "The places of a team's psychologists change.",
    "psychiatry_places": "The places of a team's psychiatrists change.",
    "other_lift_asked": "A family outside the trial asks for a place.",
    "other_lift_started": "It has one.",
    "other_lift_ended": "It gives it back.",
    "other_lift_gave_up": "It has waited too long, and is served elsewhere.",
    "assessment_left": "The order came before the assessment was done.",
    "referred_to_reporter": "Scotland: the reporter is asked whether compulsory measures are needed.",
    "child_protection_order_made": "A sheriff's emergency order, under which the child is removed.",
    "childrens_hearing_held": "A children's hearing sits.",
    "childrens_hearing_deferred": "It puts its decision off to a further one.",
    "sheriff_hearing_listed": "A hearing before the sheriff is given its date.",
    "sheriff_hearing_held": "The sheriff sits.",
    "grounds_accepted": "Grounds are accepted and understood at the grounds hearing.",
    "grounds_sent_to_proof": "They are not, and the sheriff is to hear proof.",
    "proof_lodged": "The reporter lodges the application for proof.",
    "grounds_established": "The sheriff decides on the grounds.",
    "interim_order_made": "A hearing makes or renews an interim compulsory supervision order.",
    "interim_order_extended": "The sheriff extends it.",
    "compulsory_order_made": "A compulsory supervision order is made.",
    "compulsory_order_continued": "It is continued at a review.",
    "compulsory_order_ended": "It ends.",
    "referral_discharged": "A hearing discharges the referral.",
    "appeal_made": "An appeal to the sheriff is made.",
    "appeal_decided": "The sheriff decides on it.",
    "looked_after_review": "The local authority reviews the children's plan.",
    "direction_set": "A review sets the direction of the plan.",
    "permanence_panel": "The adoption and permanence panel sits.",
    "agency_decision": "The agency decides on the panel's recommendation.",
    "petition_lodged": "The authority, or kin, ask the sheriff for an order.",
    "carers_appointed": "The carers of a child on a care order have applied, and become its special guardians.",
    "left_care_of_age": "Children who are in care as the youngest of them turns eighteen leave it.",
}

TABLES = {
    "families": "A row for each family that became known in the run.",
    "children": "A row for each child. State at the end of the run, unless a column says otherwise.",
    "placements": "A row for each child and placement.",
    "proceedings": "A row for each set of care proceedings: a family's first, or a group's after re-entry.",
    "hearings": "A row for each hearing that was listed.",
    "services": "A row for each randomised family.",
    "assessments": "A row for each report to the court.",
    "visits": "A row for each child and visit that fell due.",
    "queues": "A row for each change of a waiting list or of the places held.",
    "events": "The event record: a row for each thing that happened. The other tables are derived from it and from the "
    "final records.",
    "resources": "A row for each profession of each team, and each pool of assessors that is limited.",
}

ANYWHERE = {
    "family": "number of the family",
    "child": "number of the child",
    "group": "number of the group of siblings placed together",
    "case": "number of the set of proceedings; a family's first has the family's number",
    "borough": "borough",
    "site": "site of the trial",
    "court": "court",
    "arm": "service allocated: SAU, LIFT, or not allocated",
    "moves": "changes of carer while in care, the one on leaving care included",
    "receipt": "whether the service allocated was received, and if not, why; pending where not settled",
    "settled_days": "when that was settled",
    "entered_days": "entry to care; NaN if after the end of the run",
    "in_care": "whether in care (a child at home under an interim order is)",
    "resource": "`lift.TEAM` or `sau.ASSESSOR`",
}

COLUMNS = {
    "families": {
        "route": "how the children came into care",
        "n_children": "children under 60 months",
        "n_groups": "groups in which they are placed",
        "youngest_age_days": "age of the youngest at entry",
        "older_sibling": "whether a child of 60 months or more is in the same proceedings",
        "kin_available": "whether a relative could care for the children",
        "need": "need score of the family",
        "in_proceedings": "whether proceedings are issued for the family, sooner or later",
        "screening": "invited, why not, or not screened (no recruitment there at the time)",
        "invited_days": "invitation, at the first hearing",
        "consent": "the parents' answer, or what came first",
        "answered_days": "when they answered",
        "baseline_days": "baseline visit, where it precedes randomisation",
        "randomised_days": "allocation",
        "ineligible_days": "when found ineligible after all",
    },
    "children": {
        "sex": "boy or girl",
        "entry_age_days": "age at entry to care",
        "born_days": "birth",
        "frailty": "own multiplier of the hazard of an unplanned move",
        "order": "the court's latest order for the child's group; none_yet after re-entry until the next",
        "ordered_days": "when it was made",
        "lives": "where the child lives at the end",
        "unplanned_moves": "unplanned moves while in care; a breakdown of home or permanence is a re-entry instead",
        "re_entries": "times back in care",
        "permanent_days": "first day with those who are to bring the child up; a later breakdown does not change it",
    },
    "placements": {
        "episode": "which stretch of care, from 1",
        "number": "which placement of the group, from 0",
        "type": "placement type",
        "began_by": "why it began",
        "ended_by": "why the next one began; open where there is none",
        "in_care": "whether the type is care",
        "start_days": "first day",
        "end_days": "last day; NaN if it lasts at the end of the run",
    },
    "proceedings": {
        "again": "0 for first proceedings, else after which re-entry",
        "issued_days": "issue",
        "decided_days": "decision; NaN if still open",
        "hearings": "hearings held, where decided",
        "arm": "service allocated; not allocated in proceedings after re-entry",
        "weeks": "from issue to decision",
    },
    "hearings": {
        "again": "of which proceedings of the case: see `proceedings`",
        "listed_days": "when the date was given",
        "held_days": "when it sat; NaN if not yet",
        "kind": "kind of hearing, where held",
        "result": "effective, adjourned, or adjourned for want of evidence",
    },
    "services": {
        "asked_days": "LIFT asked",
        "started_days": "a place in the team",
        "assessed_days": "assessed and discussed",
        "treatment_indicated": "whether treatment with the birth parents was indicated",
        "treatment": "kind of treatment with the birth parents, where there was one",
        "treatment_started_days": "treatment begins",
        "treatment_ended_days": "treatment ends",
        "place_freed_days": "the clinicians who assessed are free again",
        "carers_started_days": "work with carers begins",
        "carers_ended_days": "the last work with carers that has ended",
    },
    "assessments": {
        "assessor": "who made it",
        "asked_days": "asked for",
        "started_days": "begun",
        "in_days": "before the court; NaN if not (yet)",
    },
    "visits": {
        "visit": "1, 2 or 3: about 1, 15 and 30 months",
        "due_days": "when it was due",
        "visit_days": "when it took place, or would have",
        "seen": "whether the family was seen",
        "visit_age_days": "the child's age then",
        "sdq": "score; NaN if not seen, or under two",
        "pirgas": "score; NaN if not seen",
        "utility": "health utility; NaN if not seen, or under two",
    },
    "queues": {
        "time_days": "when it changed",
        "waiting": "waiting from then on",
        "places_held": "places in use from then on",
    },
    "events": {
        "time_days": "when",
        "event": "what: a name of [the list of events](events.md)",
        "subject": "what kind of thing it is about",
        "number": "which one",
        "value": "what the list of events says",
    },
    "resources": {
        "mean_waiting": "mean number waiting, warm-up included",
        "mean_in_use": "mean number of places in use, warm-up included",
        "asked": "requests",
        "granted": "of them, granted",
        "gave_up": "left the queue when patience ended",
        "called_away": "left the queue because something else came first",
        "longest_queue": "most that ever waited",
    },
}


def parameters_page() -> str:
    """Every parameter of the shipped scenarios: what all share, then what each file adds or changes."""
    base = Scenario.load("base").table()
    lines = [
        "# Parameters",
        "",
        NOTE,
        "",
        "Each value about the world that the model uses, with its unit, the range in which it makes sense, how sure "
        "it is, and its source. `best-sim parameters [SCENARIO]` prints the same for any scenario, also yours.",
        "",
        "| status | means | in `trial-as-run` |",
        "|---|---|---|",
    ]
    counts = Scenario.load("trial-as-run").table()["status"].value_counts()
    meanings = {
        "published": "printed in the source",
        "derived": "worked out from printed figures; the source says how",
        "calibrated": "chosen so that the model agrees with a published figure",
        "assumption": "nobody has published it; this is the authors' guess, to be changed by those who know better",
    }
    lines += [f"| {name} | {text} | {counts[name]} |" for name, text in meanings.items()]
    lines += ["", "## What every scenario shares: `parameters/base.toml`"]
    lines += sections(base, "###")
    for name in ("london-2017", "glasgow", "trial-as-run", "louisiana-optimistic"):
        scenario = Scenario.load(name)
        table = scenario.table()
        differs = table["name"].isin(scenario.diff(Scenario.load("base"))["name"])
        own = table[differs & (table["file"] == f"parameters/{name}.toml")]
        lines += [
            "",
            f"## Added or changed by `parameters/{name}.toml`",
            "",
            f"{scenario.title}.",
            *sections(own, "###"),
        ]
    return "\n".join(lines) + "\n"


def sections(table: pd.DataFrame, level: str) -> list[str]:
    """One table for each first word of the names."""
    lines: list[str] = []
    first = table["name"].astype(str).str.partition(".")[0]
    for name in dict.fromkeys(first):
        lines += ["", f"{level} {name}", "", STAGES[name], ""]
        lines += [
            "| name | value | unit | range | status | source |",
            "|---|---|---|---|---|---|",
        ]
        for row in table[first == name].to_dict("records"):
            link = row["link"] if isinstance(row["link"], str) else ""
            source = cell(row["source"])
            source = f"{source} ([link]({link}))" if link else source
            cells = [
                f"`{row['name']}`",
                *(cell(row[c]) for c in ("value", "unit", "range", "status")),
                source,
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def cell(value: object) -> str:
    """Text that stays within one cell of a table."""
    return "" if value is None or value != value else str(value).replace("|", "\\|").replace("\n", " ")


def events_page() -> str:
    """The closed list of event names, and the lists that their values refer to."""
    lines = [
        "# Events",
        "",
        NOTE,
        "",
        "A run produces one record of events, in order of time. The list of names is closed: a run can contain nothing "
        "else. `journeys.events` has a row for each event, with the time in days since the scenario's first day, the "
        "name, who it is about, and one number, whose meaning depends on the event.",
        "",
        "| event | about | the number | what happened |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{e.name}` | {e.subject} | {cell(e.value)} | {EVENT_WORDS[e.name]} |" for e in W.EVENTS]
    lines += [
        "",
        "## The lists that numbers refer to",
        "",
        "Each begins at 0.",
        "",
        "| list | entries |",
        "|---|---|",
    ]
    for name in (
        "ARMS", "ROUTES", "PLACEMENT_TYPES", "PLANS", "HEARINGS", "ORDERS", "SCREENINGS", "CONSENTS", "RECEIPTS",
        "ASSESSORS", "TREATMENTS",
    ):  # fmt: skip
        lines.append(
            f"| `{name}` | {', '.join(f'{k} {entry}' for k, entry in enumerate(getattr(W, name)))} |"
        )
    return "\n".join(lines) + "\n"


def quantities_page() -> str:
    """What a published figure can be of."""
    lines = [
        "# Quantities",
        "",
        NOTE,
        "",
        "What a published figure in a TOML file can be of (`measure`); "
        "[how such a file is written](../how-to/add-a-published-figure.md). A flow is counted as it happens in the "
        "period, a snapshot on each 31 March of it; what is of the run has no day of its own. Rows can be chosen by "
        "`where`, `arm`, `age` and `age_at_entry` always, by `in_care_months` where that is said, and by what is "
        "under `having`.",
        "",
        "| measure | one row is, and its value | unit, or names for `is` | counted | `having` |",
        "|---|---|---|---|---|",
    ]
    for one in QUANTITIES.values():
        having = "; ".join(f"{key}: {', '.join(names)}" for key, names in one.having.items())
        having = "; ".join(part for part in (having, "in_care_months" if one.in_care else "") if part)
        cells = (f"`{one.name}`", one.text, one.unit or ", ".join(one.names), one.moment, having)
        lines.append("| " + " | ".join(map(cell, cells)) + " |")
    return "\n".join(lines) + "\n"


def tables_page(journeys: Journeys | None = None) -> str:
    """The tables of `Journeys`, column by column, with units."""
    j = journeys or simulate(Scenario.load("trial-as-run"))
    lines = [
        "# Tables",
        "",
        NOTE,
        "",
        "`simulate` returns `Journeys`; each table below is an attribute of it, a pandas DataFrame, and a Parquet file "
        'where journeys are saved (`assessments` excepted). `table.attrs["units"]` has the units. Times are days since '
        "the scenario's first day, and negative before it; `journeys.date(days)` gives the date. What has not happened "
        "by the end of the run is NaN, and nobody is left out for being unfinished.",
    ]
    for name, text in TABLES.items():
        table: pd.DataFrame = getattr(j, name)
        units = table.attrs.get("units", {})
        lines += ["", f"## {name}", "", text, "", "| column | holds | unit or values |", "|---|---|---|"]
        for column in table.columns:
            meaning = COLUMNS[name].get(column) or ANYWHERE[column]
            lines.append(f"| `{column}` | {meaning} | {unit_of(table[column], units.get(column, ''))} |")
    return "\n".join(lines) + "\n"


def unit_of(column: pd.Series, unit: str) -> str:
    """Unit of a column, or the values it may have."""
    if unit:
        return unit
    if column.name in ("borough", "site", "court"):
        return "a name of the scenario"
    if isinstance(column.dtype, pd.CategoricalDtype):
        values = [str(v) for v in column.cat.categories]
        return ", ".join(values) if len(values) <= 13 else "names"
    if column.dtype == bool:
        return "yes or no"
    if pd.api.types.is_integer_dtype(column.dtype):
        return "whole number"
    return "number" if pd.api.types.is_numeric_dtype(column.dtype) else "text"


def pages() -> dict[str, str]:
    """Every page by file name."""
    return {
        "parameters.md": parameters_page(),
        "events.md": events_page(),
        "tables.md": tables_page(),
        "quantities.md": quantities_page(),
    }


if __name__ == "__main__":
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
        print(f"{HERE / name}: {len(text.splitlines())} lines")
