"""One simulated child: a story in plain words, and a timeline."""
