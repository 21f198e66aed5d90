"""Assurance: power averaged over what is believed of the parameters."""
