from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import pytest
from rich.console import Console

from celu_cli.cli.app import main
from celu_cli.cli.output.reporter import RichReporter
from celu_cli.datasets import cache
from celu_cli.datasets.mnist import IDX_LAYOUT
from celu_cli.datasets.registry import DATASETS
from celu_cli.datasets.sources import WebSource
from celu_cli.errors import ExitCode
from tests.datasets.conftest import FakeMnist, empty_machine, made_mnist, mnist  # noqa: F401 - fixtures
from tests.datasets.server import FileServer, ServedFile


@dataclass(frozen=True)
class Outcome:
    """What a command told its caller."""

    exit_code: int
    stdout: str
    stderr: str


class Command(Protocol):
    def __call__(self, *arguments: str) -> Outcome: ...


@pytest.fixture
def celu_data(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `celu data` as the shell would."""

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["celu", "data", *arguments])
        with pytest.raises(SystemExit) as exit_:
            main()
        return Outcome(int(exit_.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def published(request: pytest.FixtureRequest) -> FakeMnist:
    """The made-up MNIST, which celu takes for the published one."""
    made: FakeMnist = request.getfixturevalue("mnist")
    return made


@pytest.fixture
def cached(published: FakeMnist) -> Path:
    directory = cache.cache_directory() / "mnist"
    cache.store(directory, published.arrays)
    return directory


def flip_last_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_fetch_puts_a_dataset_into_the_cache_and_says_so(
    celu_data: Command, published: FakeMnist, tmp_path: Path
) -> None:
    given = tmp_path / "data"
    given.mkdir()
    for name, content in published.idx.items():
        (given / name).write_bytes(content)
    result = celu_data("fetch", "mnist", "--data-dir", str(given))
    assert result.stdout == f"mnist: 60,000 + 10,000 images from --data-dir ({given})\n"
    assert "celu's cache" in celu_data("fetch", "mnist").stdout


def test_fetch_keeps_progress_off_stdout(
    celu_data: Command, published: FakeMnist, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FileServer() as server:
        for name, content in published.idx_gz.items():
            server.files[f"/{name}.gz"] = ServedFile(content)
        source = WebSource(server.address, IDX_LAYOUT, ".gz")
        monkeypatch.setitem(DATASETS, "mnist", replace(DATASETS["mnist"], sources=(source,)))
        result = celu_data("fetch", "mnist")
    assert len(result.stdout.splitlines()) == 1
    lines = result.stderr.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("train-images-idx3-ubyte.gz from 127.0.0.1")


@pytest.mark.usefixtures("cached")
def test_fetch_goes_on_after_a_dataset_that_cannot_be_had(celu_data: Command) -> None:
    result = celu_data("fetch", "cifar10", "mnist")
    assert result.stdout.startswith("mnist: ")
    assert result.exit_code == ExitCode.DATA
    assert "CIFAR-10 is not available" in result.stderr


@pytest.mark.usefixtures("cached")
def test_list_tells_what_is_here_and_what_is_not(celu_data: Command) -> None:
    lines = [line.split() for line in celu_data("list").stdout.splitlines()]
    assert lines[0] == ["dataset", "images", "shape", "where", "state", "size", "path"]
    assert [(line[0], "present" in line, "absent" in line) for line in lines[1:]] == [
        ("mnist", True, False),
        ("mnist", True, False),
        ("cifar10", False, True),
        ("cifar10", True, False),
    ]


def test_list_as_json_is_for_programs(celu_data: Command, cached: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (cached / "test_labels.npy").unlink()
    rows = json.loads(celu_data("list", "--json", "--data-dir", str(tmp_path / "data")).stdout)
    found = {(row["dataset"], row["place"]): row for row in rows}
    assert len(found) == len(rows) == 6
    assert found["mnist", "cache"]["state"] == "incomplete"
    assert found["mnist", "cache"]["path"] == str(cached)
    assert found["mnist", "data-dir"]["state"] == "absent"
    assert found["cifar10", "sample"] | {"bytes": 0, "path": ""} == {
        "dataset": "cifar10",
        "place": "sample",
        "state": "present",
        "train_images": 2_000,
        "test_images": 500,
        "image_shape": [32, 32, 3],
        "bytes": 0,
        "path": "",
    }


def test_list_and_verify_of_a_name_that_no_directory_can_have(celu_data: Command) -> None:
    name = "x" * 5_000
    assert celu_data("list", "--json", "--data-dir", name).exit_code == ExitCode.DONE
    result = celu_data("verify", "--data-dir", name)
    assert result.exit_code == ExitCode.DATA
    assert "File name too long" in result.stderr


@pytest.mark.usefixtures("cached")
def test_verify_proves_every_copy(celu_data: Command) -> None:
    result = celu_data("verify", "mnist", "--json")
    assert result.exit_code == ExitCode.DONE
    assert [(row["place"], row["verdict"]) for row in json.loads(result.stdout)] == [
        ("cache", "intact"),
        ("sample", "intact"),
    ]


def test_verify_finds_one_flipped_bit_and_says_what_to_do(celu_data: Command, cached: Path) -> None:
    flip_last_bit(cached / "train_images.npy")
    result = celu_data("verify", "--json")
    verdicts = {(row["dataset"], row["place"]): row["verdict"] for row in json.loads(result.stdout)}
    assert verdicts["mnist", "cache"] == "corrupt"
    assert verdicts["cifar10", "cache"] == "absent"
    assert result.exit_code == ExitCode.DATA
    assert "train_images differ from the published ones" in result.stderr
    assert "`celu data fetch mnist` replaces it" in result.stderr


@pytest.mark.usefixtures("cached")
def test_verify_finds_a_corrupt_data_directory(
    celu_data: Command, published: FakeMnist, tmp_path: Path
) -> None:
    for name, content in published.idx.items():
        (tmp_path / name).write_bytes(content)
    flip_last_bit(tmp_path / "train-labels-idx1-ubyte")
    result = celu_data("verify", "mnist", "--data-dir", str(tmp_path))
    assert result.exit_code == ExitCode.DATA
    assert "mnist, data-dir" in result.stderr


def test_verify_of_a_dataset_that_is_not_here_is_an_error(celu_data: Command) -> None:
    result = celu_data("verify", "cifar10")
    assert result.exit_code == ExitCode.DATA
    assert "`celu data fetch cifar10` gets it" in result.stderr


def test_verify_of_everything_does_not_mind_what_is_not_here(celu_data: Command) -> None:
    assert celu_data("verify").exit_code == ExitCode.DONE


@pytest.mark.parametrize("command", ["fetch", "verify"])
def test_an_unknown_name_is_a_usage_error(celu_data: Command, command: str) -> None:
    result = celu_data(command, "minst")
    assert result.exit_code == ExitCode.USAGE
    assert "did you mean mnist?" in result.stderr


def test_a_terminal_sees_a_bar_and_a_file_plain_lines() -> None:
    shown = {}
    for terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=80)
        reporter = RichReporter(console)
        with reporter.progress("archive [1]", 1_000_000) as advance:
            advance(400_000)
        assert isinstance(console.file, io.StringIO)
        shown[terminal] = console.file.getvalue()
    assert shown[False] == "archive [1], 1.0 MB\n"
    assert "archive [1]" in shown[True]
    assert "━" in shown[True]


def test_messages_are_printed_to_the_letter_on_one_line() -> None:
    console = Console(file=io.StringIO(), width=20)
    RichReporter(console).message("a [bold]path[/bold] that is longer than the terminal")
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "a [bold]path[/bold] that is longer than the terminal\n"


def test_the_command_is_defined_without_numpy_requests_and_pillow() -> None:
    heavy = "{'numpy', 'requests', 'PIL', 'tensorflow'}"
    program = f"import sys, celu_cli.cli.commands.data; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "[]\n"


def test_loading_needs_no_tensorflow() -> None:
    program = (
        "import sys; from celu_cli.datasets.load import load_dataset; load_dataset('mnist', sample=True);"
        "print('tensorflow' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "False\n"
