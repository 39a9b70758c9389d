"""One file a command: its arguments and options, and what it calls."""
