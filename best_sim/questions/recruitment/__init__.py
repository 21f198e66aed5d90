"""Recruitment: when a target is reached, before a trial begins and with what has been seen of it."""
