"""`celu report`: everything there is to say of some runs, as one HTML page."""
