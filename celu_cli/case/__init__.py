"""What is to be trained: a case, from its YAML to the planned network."""
