"""What a gradient check found, in numbers and in text. Needs no TensorFlow."""
