"""What a gradient check found, in numbers and in words. Needs no TensorFlow."""
