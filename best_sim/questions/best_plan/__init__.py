"""The best plan of expansion: the cheapest that reaches a target in time, or the earliest within a budget."""
