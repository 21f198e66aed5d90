"""Pictures that more than one question draws."""
