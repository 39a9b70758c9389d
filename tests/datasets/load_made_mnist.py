"""Load the made-up MNIST from a server, as a process of its own: ADDRESS, then its SHA-256 as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

from celu_cli.datasets.load import load_dataset
from celu_cli.datasets.mnist import IDX_LAYOUT, MNIST
from celu_cli.datasets.registry import DATASETS
from celu_cli.datasets.sources import WebSource

source = WebSource(sys.argv[1], IDX_LAYOUT, ".gz")
DATASETS["mnist"] = replace(MNIST, sha256=json.loads(sys.argv[2]), sources=(source,))
print(load_dataset("mnist").source)
