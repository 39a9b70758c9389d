"""The command line: parses what was asked, calls what answers, shows the answer."""
