"""A dataset takes one module and its line in the registry: everything else works from its definition."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from celu_cli.datasets.inventory import list_holdings, verify_dataset
from celu_cli.datasets.load import fetch_dataset, load_dataset
from celu_cli.datasets.registry import DATASETS
from celu_cli.errors import DataError
from tests.datasets.toy import FILES, IMAGES, TOY

ROOT = Path(__file__).parents[2]
CASE = """
dataset: toy
activation: celu
alpha: 1
backprop: manual
optimizer: {name: sgd, learning_rate: 0.1}
network: {layers: [{kernel: 3, filters: 4, pool: average, pool_size: 4},
                   {kernel: 1, filters: 2, pool: average, pool_size: 2}]}
epochs: 2
batch_size: 10
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "data" / "toy"
    directory.mkdir(parents=True)
    for name, content in FILES.items():
        (directory / name).write_bytes(content)
    return directory.parent


def celu(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run celu in the directory above the data, in a process that has the dataset registered."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "XDG_CACHE_HOME": str(directory.parent / "cache"),
        "CELU_DATA_DIR": str(directory),
        "COLUMNS": "200",
    }
    return subprocess.run(
        [sys.executable, "-m", "tests.datasets.toy", *words],
        cwd=directory.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_new_dataset_is_loaded_listed_verified_and_cached(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DATASETS, "toy", TOY)
    dataset = load_dataset("toy", hold_out=10, data_directory=directory)
    assert dataset.train.images.shape == (30, 8, 8, 1)
    assert dataset.train.images[0].tobytes() == FILES["toy-train.bin"][10 * 65 + 1 : 11 * 65]
    assert np.array_equal(dataset.test.labels, np.arange(IMAGES["test"]) % 2)
    states = {each.place: each.state for each in list_holdings(directory) if each.dataset == "toy"}
    assert states == {"data-dir": "present", "cache": "absent"}
    fetch_dataset("toy", data_directory=directory)
    assert [each.verdict for each in verify_dataset("toy", directory)] == ["intact", "intact"]
    assert load_dataset("toy").source.startswith("celu's cache")


def test_a_new_dataset_without_a_sample_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "toy", TOY)
    with pytest.raises(DataError, match="no sample of toy"):
        load_dataset("toy", sample=True)
    with pytest.raises(DataError, match=r"\nPut toy-train\.bin and toy-test\.bin into a directory"):
        load_dataset("toy")


def test_a_damaged_copy_of_a_new_dataset_is_refused(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "toy", TOY)
    damaged = directory / "toy" / "toy-test.bin"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\0")
    assert verify_dataset("toy", directory)[0].verdict == "corrupt"
    with pytest.raises(DataError, match="Toy is not available"):
        load_dataset("toy", data_directory=directory)


def test_a_case_of_a_new_dataset_trains(directory: Path) -> None:
    (directory.parent / "toy-case.yaml").write_text(CASE)
    run = celu(directory, "run", "toy-case.yaml")
    assert run.returncode == 0, run.stderr
    (metrics,) = (directory.parent / "logs").rglob("metrics.jsonl")
    assert [json.loads(line)["epoch"] for line in metrics.read_text().splitlines()] == [1, 2]
    listed = celu(directory, "data", "list")
    assert "40 + 20" in listed.stdout
    assert celu(directory, "data", "verify", "toy").returncode == 0


def test_cases_and_the_registry_are_read_without_numpy() -> None:
    program = (
        "import sys, celu_cli.datasets.registry, celu_cli.case.schema, celu_cli.case.plan;"
        "print(sorted({'numpy', 'requests', 'PIL', 'tensorflow'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "[]\n"
