"""A training: its story as events, the compiled steps, evaluation, and what can be measured on the way."""
