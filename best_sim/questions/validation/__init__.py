"""Which published figures the model meets."""
