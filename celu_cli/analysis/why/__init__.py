"""`celu why`: what differs between two cases or runs, and what each difference can do."""
