"""Parameters that nobody measured, fitted so that a simulated run gives the figures that somebody did."""
