"""Questions asked of runs: which is better, why they differ, how they look. Reads records and needs no TensorFlow."""
