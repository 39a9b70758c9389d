"""Run directories: what a training leaves behind, recorded, found and read."""
