"""A local authority's SSDA903 returns read and cleaned: what was changed and why, and counts by year."""
