"""From a training to a prediction of one's own image, and to a file for another program."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from matplotlib import cbook
from PIL import Image

from celu_cli.datasets.load import load_dataset
from celu_cli.runs.run import read_run
from celu_cli.trained.network import trained_network
from tests.cli.invoke import Celu
from tests.cli.small import SMALL
from tests.runs.fakes import record_run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A logs directory with one training of one epoch."""
    import subprocess
    import sys

    logs = tmp_path_factory.mktemp("trained") / "logs"
    words = ["run", "case-b", *SMALL, "epochs=1", "--logs", str(logs)]
    subprocess.run([sys.executable, "-m", "celu_cli", *words], check=True, capture_output=True)
    return logs


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Five test images of the sample, enlarged eight times, and a photograph."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, pixels in enumerate(load_dataset("cifar10", sample=True).test.images[:5]):
        Image.fromarray(pixels).resize((256, 256), Image.Resampling.NEAREST).save(folder / f"{number}.png")
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        shutil.copy(file.name, folder / "hopper.jpg")
    return folder


def test_every_image_of_a_folder_gets_a_class_and_its_probability(
    celu: Celu, trained: Path, pictures: Path
) -> None:
    outcome = celu("predict", "case-b", str(pictures), "--logs", str(trained))
    assert outcome.code == 0, outcome.err
    heading, *rows = outcome.out.splitlines()
    assert heading.split() == ["image", "class", "probability", "next"]
    assert [row.split()[0] for row in rows] == [
        str(pictures / name) for name in ("0.png", "1.png", "2.png", "3.png", "4.png", "hopper.jpg")
    ]
    assert "epoch 1 of 1" in outcome.err


def test_the_probabilities_are_those_of_the_exported_keras_model(
    celu: Celu, trained: Path, pictures: Path, tmp_path: Path
) -> None:
    file = tmp_path / "model.keras"
    written = celu("export", "case-b", "--to", "keras", "-o", str(file), "--logs", str(trained))
    assert (written.code, written.out) == (0, f"{file}\n"), written.err
    outcome = celu("predict", "case-b", str(pictures), "--logs", str(trained), "--json")
    found = json.loads(outcome.out)["predictions"][:5]
    images = load_dataset("cifar10", sample=True).test.images[:5].astype(np.float32)
    expected = keras.ops.softmax(keras.models.load_model(file)(images))
    np.testing.assert_allclose(
        [list(one["probabilities"].values()) for one in found], np.asarray(expected), atol=1e-5
    )
    assert [one["class"] for one in found] == [
        list(found[0]["probabilities"])[index] for index in np.argmax(expected, axis=1)
    ]


def test_a_damaged_image_is_named_and_the_others_are_classified(
    celu: Celu, trained: Path, pictures: Path
) -> None:
    (pictures / "2.png").write_bytes(b"no image")
    outcome = celu("predict", "case-b", str(pictures), "--logs", str(trained))
    assert outcome.code == 3
    assert len(outcome.out.splitlines()) == 1 + 5
    assert f"left out:\n  {pictures / '2.png'} is not an image" in outcome.err


def test_the_newest_run_with_a_checkpoint_is_meant_by_a_case(
    celu: Celu, trained: Path, pictures: Path, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    shutil.copytree(trained, logs)
    (first,) = (logs / "case-b").iterdir()
    second = first.with_name("2030-01-01T00-00-00Z-seed0")
    shutil.copytree(first, second)
    manifest = json.loads((second / "run.json").read_text())
    (second / "run.json").write_text(json.dumps(manifest | {"started": "2030-01-01T00:00:00Z"}))
    image = str(pictures / "0.png")
    assert str(second) in celu("predict", "case-b", image, "--logs", str(logs)).err
    shutil.rmtree(second / "checkpoint")
    assert str(first) in celu("predict", "case-b", image, "--logs", str(logs)).err


def test_a_run_without_its_checkpoint_is_refused_in_words(celu: Celu, pictures: Path, tmp_path: Path) -> None:
    run = record_run(tmp_path / "logs")
    shutil.rmtree(run / "checkpoint", ignore_errors=True)
    outcome = celu("predict", str(run), str(pictures))
    assert outcome.code == 2
    assert "has no checkpoint, so its weights are not known" in outcome.err


def test_several_runs_are_not_one_network(celu: Celu, trained: Path, tmp_path: Path) -> None:
    outcome = celu("export", "--to", "onnx", "-o", str(tmp_path / "m.onnx"), "--logs", str(trained))
    assert outcome.code == 2
    assert "name one run" in outcome.err


def test_a_checkpoint_of_another_network_is_refused(trained: Path, tmp_path: Path) -> None:
    (run,) = (trained / "case-b").iterdir()
    changed = tmp_path / "run"
    shutil.copytree(run, changed)
    case = (changed / "case.yaml").read_text()
    assert "filters: 4" in case
    (changed / "case.yaml").write_text(case.replace("filters: 4", "filters: 5"))
    with pytest.raises(Exception, match=r"has no layer1\.convolution\.kernel of the shape \(3, 3, 3, 5\)"):
        trained_network(read_run(changed))
