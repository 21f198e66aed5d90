"""How many families, or how much of another parameter, give a wanted power."""
