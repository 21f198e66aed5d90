"""The care pathway of young children, and the BeST? trial that ran through it, as a simulation.

The way through is `Scenario -> simulate -> Journeys -> trial and measures -> table, figure, report`; see
`docs/explanation/rooms-and-words.md`.
"""

__version__ = "0.1.0"
