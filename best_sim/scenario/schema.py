"""The parameters of the model: every name a scenario file may set, with its unit and hard limits.

Numbers, sources and plausible ranges are in `parameters/*.toml`. What a parameter does is told where it is used,
`best_sim.pathway.rules`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from best_sim.scenario.durations import Duration
from best_sim.scenario.entering import Entry, Population
from best_sim.scenario.scotland import ChildrensHearings, Jurisdiction
from best_sim.scenario.values import (
    MOST_DATES,
    MOST_WHOLES,
    Days,
    Mix,
    Named,
    Probability,
    Section,
    Series,
    Shares,
    Unit,
    Wrong,
    unknown_name,
)

LogOdds = Annotated[float, Unit("log odds", -10, 10)]
Ratio = Annotated[float, Unit("ratio", 0, 100)]
Part = Annotated[float, Unit("ratio", 0, 1)]
PerYear = Annotated[float, Unit("per year", 0, 50)]
Hours = Annotated[float, Unit("hours", 0, 200)]
Correlation = Annotated[float, Unit("correlation", 0, 0.999)]
Sdq = Annotated[float, Unit("points", -40, 40)]
Pirgas = Annotated[float, Unit("points", -100, 100)]
Pounds = Annotated[float, Unit("GBP", 0)]
PoundsPerHour = Annotated[float, Unit("GBP per hour", 0)]
PoundsPerWeek = Annotated[Series, Unit("GBP per week", 0)]
Staff = Annotated[Series, Unit("full-time equivalents", 0, 200)]
TreatmentMix = Annotated[
    Mix, Shares("parent_infant_psychotherapy", "circle_of_security", "video_interaction_guidance")
]
YesNo = Annotated[Series, Unit("yes/no", 0, 1)]

MOST_STRATA = 40
"""Boroughs, or sites, within which a trial may allocate: its records count no more."""


class Simulation(Section):
    """When the run begins and ends, and whether anybody is there when it does."""

    start_date: date
    """Day zero."""
    end_date: date
    """Last day."""
    starts_with: Literal["empty", "running"]
    """Empty, or with the children, cases and bookings of the warm-up already in it."""
    warm_up: Annotated[float, Unit("days", 0, 36_525)]
    """Time simulated before day zero where the system starts running."""
    before_opening: Annotated[float, Unit("days", 0, 36_525)]
    """Longest time for which a site's boroughs, courts and teams are simulated before its first borough opens."""
    after_recruitment: Annotated[float, Unit("days", 0, 36_525)]
    """Longest time for which families go on becoming known after recruitment is complete."""

    def check(self) -> Iterator[Wrong]:
        if self.end_date <= self.start_date:
            yield Wrong(
                "end_date",
                "the run ends before it starts",
                found=self.end_date,
                allowed=f"after {self.start_date}",
            )


class Allocation(Section):
    """How families are allocated to LIFT or to services as usual."""

    method: Literal["simple", "blocks", "minimisation"]
    lift_share: Annotated[float, Unit("probability", 0.01, 0.99)]
    strata: Literal["none", "site", "borough"]
    block_sizes: Annotated[tuple[int, ...], Unit("families", 1, 100)]
    factors: tuple[Literal["site", "borough", "under_one", "siblings", "kinship"], ...]
    probability_of_best_arm: Annotated[float, Unit("probability", 0.5, 1)]

    def check(self) -> Iterator[Wrong]:
        least = 1 if self.method == "blocks" else 0
        if not least <= len(self.block_sizes) <= MOST_WHOLES:
            yield Wrong(
                "block_sizes",
                "blocks need sizes",
                found=self.block_sizes,
                allowed=f"{least} to {MOST_WHOLES} sizes",
            )
        if self.method == "minimisation" and not self.factors:
            yield Wrong(
                "factors", "minimisation needs factors", found=self.factors, allowed="at least one factor"
            )


class Trial(Section):
    """The trial's own design."""

    target_families: Annotated[int, Unit("families", 1, 1_000_000)]
    stops_at_target: bool
    lift_queue_limit: Annotated[int, Unit("families", 0, 1_000_000)]
    steps: Literal["consent > randomisation > baseline", "consent > baseline > randomisation"]
    consent_delay: Duration
    randomisation_delay: Duration
    baseline_delay: Duration
    found_ineligible: Probability
    found_ineligible_delay: Duration
    allocation: Allocation


class Site(Section):
    """A site of the trial: London or Glasgow."""

    title: str
    recruiting: YesNo
    """1 while the site recruits, 0 in a pause and after the end."""
    consent: Probability
    other_exclusion: Probability
    """Share of otherwise eligible families that are not invited for another reason."""
    invites_families_with_older_child: bool
    assessment_ratio: Annotated[float, Unit("ratio", 0.1, 10)]
    """What the durations of the usual parenting assessments are multiplied by in this site."""


class Court(Section):
    """A court and its diary; in Scotland, the sheriff court beside the children's hearings."""

    title: str
    jurisdiction: Jurisdiction
    """Whose law protects the children of its boroughs, and whose bank holidays are kept."""
    sitting_days_per_week: Annotated[Series, Unit("days per week", 0, 5000)]
    hours_per_sitting_day: Annotated[float, Unit("hours", 1, 10)]
    urgent_share: Annotated[float, Unit("probability", 0.001, 0.4)]
    """Share of the sitting time that is kept for first hearings, in lists of their own."""
    other_cases: Annotated[Series, Unit("hours per week", 0, 50000)]
    other_cases_variation: Annotated[float, Unit("ratio", 0, 3)]
    other_cases_notice: Duration
    care_orders_at_home: LogOdds
    """What the log odds of a care order are raised by where the child lives with parents: practice differs by area."""

    def check(self) -> Iterator[Wrong]:
        if max(self.sitting_days_per_week.values) == 0:
            yield Wrong(
                "sitting_days_per_week", "the court never sits", found=0, allowed="more than 0 at some date"
            )


class Team(Section):
    """A LIFT team: staff by profession, none in place of another, and the families that they serve at a time."""

    title: str
    social_workers: Staff
    psychologists: Staff
    psychiatrists: Staff
    families_per_clinician: Annotated[float, Unit("families", 0, 100)]
    """Families that a full-time social worker serves at a time; other professions by their hours a week."""
    assessment: Duration
    treatment: Duration
    other_referrals: Annotated[Series, Unit("families per year", 0, 10000)]
    other_stay: Duration

    def check(self) -> Iterator[Wrong]:
        staff = (self.social_workers, self.psychologists, self.psychiatrists)
        dates = {date for series in staff for date in series.dates}
        if len(dates) > MOST_DATES:
            yield Wrong(
                "social_workers",
                "with those of the other professions, the team's staff changes too often",
                found=f"{len(dates)} dates",
                allowed=f"at most {MOST_DATES} dates in all",
            )


class Sessions(Section):
    """Sessions of a full course of each treatment."""

    parent_infant_psychotherapy: Annotated[float, Unit("sessions", 0, 200)]
    circle_of_security: Annotated[float, Unit("sessions", 0, 200)]
    video_interaction_guidance: Annotated[float, Unit("sessions", 0, 200)]


class HoursPerSession(Section):
    """Clinician hours of one session of each treatment, with preparation and notes."""

    parent_infant_psychotherapy: Hours
    circle_of_security: Hours
    video_interaction_guidance: Hours


class WeeklyHours(Section):
    """Hours a week that each profession gives a family that is being assessed; none, and it is not needed."""

    social_workers: Annotated[float, Unit("hours per week", 0.01, 40)]
    psychologists: Annotated[float, Unit("hours per week", 0, 40)]
    psychiatrists: Annotated[float, Unit("hours per week", 0, 40)]


class Lift(Section):
    """The LIFT service."""

    works_as: Literal["LIFT", "services as usual"]
    """What a family allocated to LIFT is given: LIFT, or by its name only what the others are given."""
    declines: Probability
    not_possible: Probability
    court_waits: Duration
    """From issue, until when the court waits for a report of LIFT; it does not agree to one that is due later."""
    leaves_in_assessment: Probability
    leaves_assessment_at: Part
    patience: Days
    priority: Literal["first come", "youngest first"]
    meeting: Duration
    needs_psychiatrist: Probability
    weekly_hours: WeeklyHours
    return_may_be_possible: LogOdds
    """What the log odds of advice to return are raised by for those to whom a return may be possible."""
    treats: Probability
    """Of families to whom a return may be possible, those treated with the birth parents before the recommendation."""
    leaves_treatment: Probability
    treats_carers: Probability
    carers_within: Days
    carers_course: Duration
    review_at: Part
    """Part of the treatment after which it is reviewed, and broken off if it is."""
    treatment_under_one: TreatmentMix
    treatment_older: TreatmentMix
    sessions: Sessions
    hours_per_session: HoursPerSession
    teams: Named[Team]


class AssessorPlaces(Section):
    """Families that assessors of each kind can serve at a time; 0 is not limited."""

    in_house: Annotated[int, Unit("families", 0, 100_000)]
    independent_social_worker: Annotated[int, Unit("families", 0, 100_000)]
    external_expert: Annotated[int, Unit("families", 0, 100_000)]


class Sau(Section):
    """Services as usual."""

    assessor: Annotated[Mix, Shares("in_house", "independent_social_worker", "external_expert")]
    not_assessed: Probability
    in_house: Duration
    independent_social_worker: Duration
    external_expert: Duration
    statement: Duration
    places: AssessorPlaces


class Advice(Section):
    """Whether the report recommends a return home: logit."""

    intercept: LogOdds
    need: LogOdds
    under_one: LogOdds
    lift: LogOdds


class Direction(Section):
    """One direction of the court's decision against home: multinomial logit."""

    intercept: LogOdds
    under_one: LogOdds
    """The youngest child was under one at entry."""
    newborn: LogOdds
    """Beside it: within a week of birth."""
    year_over_five: LogOdds
    """For each year by which the youngest child was over five when it came back into care."""
    need: LogOdds
    kin: LogOdds
    """There are relatives who could care."""
    with_kin: LogOdds
    """Beside it: the child lives with them."""
    with_parents: LogOdds
    """The child lives with a parent, at home or in a unit."""
    removed: LogOdds
    """The child lived with a parent, and was taken from there."""
    early_permanence: LogOdds
    """The child lives with carers who may adopt."""
    lift: LogOdds
    return_advised: LogOdds


class Orders(Section):
    """The court's decision."""

    no_order_share: Probability
    home: Direction
    special_guardianship: Direction
    child_arrangements: Direction
    placement_order: Direction
    care_order: Direction


class Notice(Section):
    """Notice before a hearing may be listed."""

    interim: Duration
    case_management: Duration
    issues_resolution: Duration
    final: Duration
    further: Duration


class HearingHours(Section):
    """Sitting time of each kind of hearing."""

    interim: Hours
    case_management: Hours
    issues_resolution: Hours
    final: Hours
    """Of a contested final hearing of a case that needs as much as cases of 2016 on average."""
    final_agreed: Hours


class Adjournment(Section):
    """Probability that a hearing is not effective for a reason other than missing evidence."""

    interim: Probability
    case_management: Probability
    issues_resolution: Probability
    final: Probability
    grows_from: Days
    """Age of a case from which what is known grows old, and its later hearings fail more often."""
    growth: Annotated[float, Unit("per week", 0, 1)]
    """Hazard of adjournment that is added for each week since then, since the evidence came or the last adjournment."""


class FirstHearing(Section):
    """Cases with an interim hearing before case management."""

    after_voluntary: Probability
    after_order: Probability
    newborn: Probability


class Pull(Section):
    """How timetables are made towards 26 weeks."""

    strength: Probability
    reach: Days
    """Distance from the limit at which nothing is left of the pull."""
    spread: Days
    """Time before the limit over which final hearings are aimed at, evenly."""
    least_notice: Days
    lets_go: Days
    """Lead time of a court at which nothing is left of the pull."""


class Removal(Section):
    """How a child who is at home when proceedings are issued comes into care."""

    asked_at_issue_within: Days
    """Removal that is needed so soon after issue is asked for at the first hearing, an interim one."""
    by_emergency_order: Probability


class Proceedings(Section):
    """Care proceedings."""

    content: Annotated[Series, Unit("ratio", 0.05, 20)]
    """What cases need, by date; 2016 is 1."""
    complexity_sd: Annotated[float, Unit("log scale", 0, 2)]
    interim: FirstHearing
    removal: Removal
    timetable: Days
    """Least time from case management to issues resolution, of a case that needs as much as those of 2016."""
    limit: Days
    pull: Pull
    evidence_patience: Days
    evidence_patience_outside_limit: Days
    agreed_at_issues_resolution: Probability
    contested_final: Probability
    stretch: Annotated[float, Unit("per week", 0, 10)]
    """What a sitting day takes beyond its hours, for each week of waiting: courts under strain give way."""
    urgent_stretch: Annotated[float, Unit("per week", 0, 50)]
    most_adjournments: Annotated[int, Unit("hearings", 0, 12)]
    agency_decision: Duration
    """From the final evidence to the decision that a child should be placed for adoption; at the latest, the order."""
    notice: Notice
    hours: HearingHours
    adjournment: Adjournment


class Unplanned(Section):
    """Hazard of an unplanned move."""

    foster: PerYear
    kinship_foster: PerYear
    parent_and_baby: PerYear
    with_parents: PerYear
    with_parents_first_month: PerYear
    """The same within a month of going to live there."""
    placed_for_adoption: PerYear
    long_term_foster: PerYear
    residential: PerYear
    early_permanence: PerYear
    age: Annotated[float, Unit("log hazard per year", -2, 2)]
    need: Annotated[float, Unit("log hazard per SD", -2, 2)]
    lift_hazard_ratio: Annotated[float, Unit("ratio", 0.01, 20)]
    next_placement: Annotated[Mix, Shares("foster", "kinship_foster", "residential")]


class Bridging(Section):
    """Short-notice foster placements, which end with a planned move to an ordinary carer."""

    first_share: Probability
    """First foster placements of children not newborn that are such."""
    first_share_of_newborns: Probability
    """The same of newborns; a placement after a hospital is planned, and never such."""
    again_share: Annotated[float, Unit("probability", 0, 0.9)]
    """Foster placements after one, or after an unplanned move, that are such."""
    stay: Duration


class MatchOlder(Section):
    """Time to a match by age at entry, as a multiple of that of infants."""

    one: Ratio
    two: Ratio
    three: Ratio
    four: Ratio


class Planned(Section):
    """Planned moves, before and after the order."""

    to_kin_share: Probability
    to_kin_delay: Duration
    """From entry to care, or from when the children were taken from a parent."""
    early_permanence_share: Probability
    """Children under one at entry, without kin, who move to carers who may adopt them, before the order."""
    early_permanence_delay: Duration
    """From entry to care, or from when the children were taken from a parent."""
    early_permanence_match: Duration
    """From the placement order to the match with the carers with whom the child lives."""
    unit_stay: Duration
    unit_together: Probability
    home_first_share: Probability
    """In England and Wales, of children who are to go home by the order: who go there once the evidence is in."""
    home_delay: Duration
    """From the evidence, or from the order, to the day on which the child goes home."""
    home_on_care_order: Duration
    """At home on a care order, until the order is discharged."""
    guardians_delay: Duration
    adoption_match: Duration
    adoption_match_older: MatchOlder
    """What multiplies the time to a match, by the youngest child's age at entry in years; under one it is one."""
    adoption_placed: Duration
    adoption_order: Duration
    no_match_share: Probability
    no_match_delay: Duration
    long_term_delay: Duration
    long_term_same_carer: Probability
    guardianship_by_kin: PerYear
    """Of relatives who foster for the long term in England and Wales: who become special guardians, each year."""
    guardianship_by_foster_carers: PerYear
    """The same of long-term foster carers who are no relatives."""


class Breakdown(Section):
    """How permanence, or home, breaks down."""

    home_first_year: Annotated[float, Unit("probability", 0, 0.99)]
    home_second_year: PerYear
    home_later: PerYear
    """At home for two years or more."""
    special_guardianship: PerYear
    child_arrangements: PerYear
    adoption: PerYear
    """In the first five years after the adoption order."""
    adoption_later: PerYear
    issued_again: Probability
    issued_again_delay: Duration


class Placements(Section):
    """Where children live."""

    unplanned: Unplanned
    bridging: Bridging
    planned: Planned
    breakdown: Breakdown


class Retention(Section):
    """Whether a family is seen at a visit: logit."""

    first: LogOdds
    second: LogOdds
    third: LogOdds
    lift: LogOdds
    with_adopters: LogOdds
    at_home: LogOdds
    per_move: LogOdds
    reach_sd: Annotated[float, Unit("log odds", 0, 10)]


class CountedFrom(Section):
    """The day from which each visit's date is counted."""

    first: Literal["entry", "randomisation"]
    second: Literal["entry", "randomisation"]
    third: Literal["entry", "randomisation"]


class Visits(Section):
    """The trial's visits."""

    first: Days
    second: Days
    third: Days
    counted_from: CountedFrom
    arranging: Duration
    """Least time from randomisation to a visit, and from one visit to the next."""
    window: Days
    retention: Retention

    def check(self) -> Iterator[Wrong]:
        if not self.first < self.second < self.third:
            yield Wrong(
                "second",
                "visits are not in order",
                found=self.second,
                allowed="between the first and the third",
            )


class SdqScale(Section):
    """SDQ total difficulties: 0 to 40, higher is worse."""

    mean_first: Sdq
    mean_second: Sdq
    mean_third: Sdq
    sd: Annotated[float, Unit("points", 0, 20)]
    sibling_correlation: Correlation
    correlation_over_time: Correlation
    need: Correlation
    lift_effect: Sdq
    per_move: Sdq
    per_month_to_permanence: Sdq
    youngest_age: Days

    def check(self) -> Iterator[Wrong]:
        if self.sibling_correlation > self.correlation_over_time:
            yield Wrong(
                "sibling_correlation", "siblings can't be more alike than a child is with itself over time",
                found=self.sibling_correlation, allowed=f"at most correlation_over_time, {self.correlation_over_time}",
            )  # fmt: skip


class PirGas(Section):
    """PIR-GAS: 1 to 100, higher is better."""

    mean_first: Pirgas
    mean_second: Pirgas
    mean_third: Pirgas
    sd_first: Annotated[float, Unit("points", 0, 50)]
    sd_second: Annotated[float, Unit("points", 0, 50)]
    sd_third: Annotated[float, Unit("points", 0, 50)]
    sibling_correlation: Correlation
    correlation_over_time: Correlation
    lift_effect: Pirgas


class Utility(Section):
    """Health utility for QALYs, from the SDQ."""

    at_sdq_zero: Annotated[float, Unit("utility", 0, 1)]
    per_sdq_point: Annotated[float, Unit("utility", -1, 1)]
    sd: Annotated[float, Unit("utility", 0, 1)]


class Outcomes(Section):
    """What the trial measures."""

    effect_applies_to: Literal["received", "allocated"]
    sdq: SdqScale
    pirgas: PirGas
    utility: Utility


class Costs(Section):
    """Unit costs."""

    discount_rate: Annotated[float, Unit("per year", 0, 0.2)]
    perspective: Literal["public sector", "local authority", "service only"]
    horizon: Days
    threshold: Annotated[float, Unit("GBP per QALY", 0)]
    foster_week: PoundsPerWeek
    kinship_foster_week: PoundsPerWeek
    parent_and_baby_week: PoundsPerWeek
    with_parents_week: PoundsPerWeek
    placed_for_adoption_week: PoundsPerWeek
    long_term_foster_week: PoundsPerWeek
    residential_week: PoundsPerWeek
    bridging_foster_week: PoundsPerWeek
    hospital_week: PoundsPerWeek
    early_permanence_week: PoundsPerWeek
    special_guardianship_week: PoundsPerWeek
    adopted_week: PoundsPerWeek
    home_week: PoundsPerWeek
    hearing: Annotated[Series, Unit("GBP", 0)]
    """Of a court; in Scotland, of the sheriff."""
    childrens_hearing: Annotated[Series, Unit("GBP", 0)]
    """Of three lay members, with the reporter's work for it."""
    assessment_in_house: Pounds
    assessment_independent: Pounds
    assessment_expert: Pounds
    assessment_statement: Pounds
    usual_support_month: Annotated[float, Unit("GBP per month", 0)]
    lift_overhead: Ratio
    social_worker_hour: PoundsPerHour
    psychologist_hour: PoundsPerHour
    psychiatrist_hour: PoundsPerHour


class Borough(Section):
    """A borough: where families come from."""

    title: str
    site: str
    court: str
    lift_team: str
    opens: date
    closes: date | None = None
    entries: Annotated[Series, Unit("children per year", 0, 100_000)]
    rate_variation: Annotated[float, Unit("ratio", 0, 2)]

    def check(self) -> Iterator[Wrong]:
        if self.closes is not None and self.closes <= self.opens:
            yield Wrong(
                "closes",
                "the borough closes before it opens",
                found=self.closes,
                allowed=f"after {self.opens}",
            )


class Parameters(Section):
    """All parameters of a scenario."""

    simulation: Simulation
    population: Population
    entry: Entry
    trial: Trial
    sites: Named[Site]
    courts: Named[Court]
    boroughs: Named[Borough]
    proceedings: Proceedings
    childrens_hearings: ChildrensHearings
    sau: Sau
    lift: Lift
    advice: Advice
    orders: Orders
    placements: Placements
    visits: Visits
    outcomes: Outcomes
    costs: Costs

    def check(self) -> Iterator[Wrong]:
        for name, borough in self.boroughs.items():
            for field, found, known, what in (
                ("site", borough.site, self.sites, "site"),
                ("court", borough.court, self.courts, "court"),
                ("lift_team", borough.lift_team, self.lift.teams, "LIFT team"),
            ):
                if found not in known:
                    yield unknown_name(f"boroughs.{name}.{field}", found, known, what)
        for name, court in self.courts.items():
            days = max(court.sitting_days_per_week.values)
            most = days * court.hours_per_sitting_day * court.urgent_share / 5
            least = max(self.proceedings.hours.interim, self.proceedings.hours.case_management)
            if most < least:
                yield Wrong(
                    f"courts.{name}.urgent_share",
                    "no list is long enough for one first hearing",
                    found=f"{most:.3g} hours a day: {court.urgent_share:g} of {days:g} sitting days a week of "
                    f"{court.hours_per_sitting_day:g} hours",
                    allowed=f"at least the hours of an interim and of a case management hearing, {least:g}; a larger "
                    "share, more sitting days, or shorter hearings",
                )
        if any(max(site.recruiting.values) > 0 for site in self.sites.values()):
            # only who is allocated is counted by borough and site; without recruitment there may be any number
            for what, named in (("borough", self.boroughs), ("site", self.sites)):
                if len(named) > MOST_STRATA:
                    yield Wrong(
                        f"{what}s",
                        f"too many {what}s for a trial",
                        found=len(named),
                        allowed=f"at most {MOST_STRATA}, or any number where no site recruits",
                    )
