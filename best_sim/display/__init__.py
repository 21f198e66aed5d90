"""Figures, tables, one child's story and the report.

`figures` and `consort` draw from tidy tables, `trace` tells a child's story and `timeline` draws it,
`tables` is for the terminal, `report` writes the page. `best_sim.drawing.style.save` writes a figure.
"""
