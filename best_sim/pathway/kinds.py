"""The numbers of the process kinds, in the order in which `best_sim.pathway.model` lists their functions."""

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
) = range(10)
