"""Runs as event files that TensorBoard reads."""
