"""The trial: what was allocated, what was measured, and how it is analysed."""
