"""How near the model comes to the published figures."""
