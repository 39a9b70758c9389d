"""celu: train an experiment named in YAML with gradients you can trust."""

__version__ = "0.1.0"
