"""The numbers of the kinds of processes, under which `best_sim.pathway.model` has their functions."""

(
    FAMILY_ENTERS,
    PLACEMENT,
    PROCEEDINGS,
    TRIAL_ENTRY,
    PARENTING_ASSESSMENT,
    LIFT_SERVICE,
    FOLLOW_UP,
    TEAM_CALENDAR,
    OTHER_CASES,
    OTHER_REFERRAL,
    WORK_WITH_CARERS,
    LOOKED_AFTER_REVIEWS,
    CHILDRENS_HEARINGS,
    PERMANENCE_PLANNING,
    LATER_REVIEWS,
) = range(15)
