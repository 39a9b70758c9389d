"""`celu compare`: which runs are better, by how much, and whether chance explains it."""
