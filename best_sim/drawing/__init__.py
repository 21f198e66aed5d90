"""How figures look and how numbers, dates and ages are written; knows no results and no journeys."""
