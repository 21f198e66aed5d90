"""What a user may set: typed, unit-bearing, sourced parameters, read from TOML, extended and overridden."""
