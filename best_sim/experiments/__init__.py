"""The questions asked of the model, each a file to run: power, validation and those that follow."""
