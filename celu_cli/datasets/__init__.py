"""Datasets as uint8 arrays, proved by their SHA-256. NumPy only; nothing here prints or imports TensorFlow."""

from celu_cli.datasets.facts import Dataset, Split
from celu_cli.datasets.load import load_dataset
from celu_cli.datasets.reporter import Reporter

__all__ = ["Dataset", "Reporter", "Split", "load_dataset"]
