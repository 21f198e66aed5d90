"""A small pathway, written for several simulation engines, each in the way that its own documentation shows.

Children enter by a Poisson process for two years. Four things then go on beside each other for each child:

- half of the children are allocated to a LIFT team: they queue for one of its places, first come, first served, and
  hold it during an assessment and a treatment;
- a case has three hearings; each is listed at a notice, then takes one of three rooms for some hours, and waits for one
  if all are taken;
- placement moves come at exponential gaps for as long as the run lasts;
- visits are due 1, 15 and 30 months after entry, and each may be missed.

The run ends on a fixed day. What an engine reports of a run is a `Replicate`, the same for all; the parameters are in
`parameters.toml`. Only `on_best_sim` draws its random numbers as this package does; the others use their own, so that
they agree with it on average and not child by child.
"""
