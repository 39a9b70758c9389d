"""Datasets as uint8 arrays, proved by their SHA-256. Nothing here prints or imports TensorFlow."""

from celu_cli.datasets.facts import Dataset, Split
from celu_cli.datasets.inventory import Holding, Proof, list_holdings, verify_dataset
from celu_cli.datasets.load import fetch_dataset, load_dataset
from celu_cli.datasets.reporter import Reporter

__all__ = [
    "Dataset",
    "Holding",
    "Proof",
    "Reporter",
    "Split",
    "fetch_dataset",
    "list_holdings",
    "load_dataset",
    "verify_dataset",
]
