"""A trained network in use: predictions for the user's own images, and files for other programs."""
