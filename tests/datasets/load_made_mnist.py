"""Load the made-up MNIST from a server, as a process of its own: ADDRESS, then its SHA-256 as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any, cast

from celu_cli.datasets import catalogue, facts, layouts
from celu_cli.datasets.load import load_dataset
from celu_cli.datasets.sources import WebSource

cast(dict[str, Any], facts.SHA256)["mnist"] = json.loads(sys.argv[2])
cast(dict[str, Any], catalogue.REMOTE)["mnist"] = (WebSource(sys.argv[1], layouts.MNIST_IDX, ".gz"),)
print(load_dataset("mnist").source)
