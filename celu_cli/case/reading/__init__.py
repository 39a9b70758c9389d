"""YAML with places: how a case file becomes values, and what is wrong with it, by line and column."""
