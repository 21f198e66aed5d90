"""`python -m best_sim` is `best-sim`."""

from best_sim.cli import main

main()
