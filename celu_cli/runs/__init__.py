"""Run directories: what a training leaves, written, found and read again."""
