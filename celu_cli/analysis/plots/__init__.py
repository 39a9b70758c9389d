"""Pictures of runs, groups of runs and activations, drawn by Matplotlib."""
