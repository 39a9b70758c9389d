from __future__ import annotations

import json
from pathlib import Path

import pytest

from celu_cli.case.load import load_case
from tests.cli.invoke import Celu


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)


def yaml_part(out: str) -> str:
    return out[out.index("\nname: ") + 1 :]


def test_the_layers_say_shapes_weights_flops_memory_and_skips(celu: Celu) -> None:
    lines = celu("show", "case-d", "shares=1").out.splitlines()
    table = lines[lines.index("") + 1 :]
    assert table[0].split() == [
        *("layer", "kernel", "input", "output", "filters"),
        *("pool", "skip", "weights", "MFLOP", "memory"),
    ]
    assert table[2].split() == [
        *("2", "3x3", "32x32x200", "16x16x200", "200"),
        *("average", "2", "from", "4", "360,000", "737.3", "102.4", "MB"),
    ]


def test_columns_appear_only_where_layers_differ(celu: Celu) -> None:
    plain = celu("show", "case-c").out
    assert "skip" not in plain
    assert "residual  weights" not in plain
    first = "{kernel: 3, filters: 3, residual: 0.5, activation: tanh}"
    last = "{kernel: 1, filters: 10, pool: max, pool_size: 32}"
    mixed = celu("show", "case-b", "alpha=3", f"network.layers=[{first}, {last}]").out
    assert "activation    pool    residual  weights" in mixed
    assert "celu alpha 3" in mixed


@pytest.mark.parametrize(
    ("sample", "hold_out", "said"), [("true", 9, True), ("true", 0, False), ("false", 9, False)]
)
def test_images_that_a_sample_does_not_hold_out_are_said(
    celu: Celu, sample: str, hold_out: int, said: bool
) -> None:
    out = celu("show", "case-a", f"dataset.sample={sample}", f"dataset.hold_out={hold_out}", "epochs=1").out
    assert ("nothing is held out of a sample" in " ".join(out.split())) == said
    assert ", 1 epoch\n" in out or said


def test_what_bfloat16_is_for_is_said_where_a_case_asks_for_it(celu: Celu) -> None:
    def said(*overrides: str) -> bool:
        out = " ".join(celu("show", "case-c", *overrides).out.split())
        return "precision bfloat16 is for seeing what its rounding does" in out

    assert said("precision=bfloat16")
    assert not said()


def test_steps_follow_from_the_images_that_are_left(celu: Celu) -> None:
    assert (
        "55,000 train and 10,000 test images; 550 steps of 100 an epoch, 11 epochs"
        in celu("show", "case-a").out
    )
    assert "2,000 train and 500 test images; 20 steps" in celu("show", "case-a", "dataset.sample=true").out


def test_alpha_is_told_for_what_it_is(celu: Celu) -> None:
    assert "2 is the same as 1 with the first layer's weights divided by 2" in celu("show", "case-c").out
    assert "is the same as" not in celu("show", "case-c", "alpha=1").out
    assert "is the same as" not in celu("show", "case-c", "activation=elu").out


def test_the_yaml_loads_to_the_case_that_was_asked_for(celu: Celu) -> None:
    overrides = ["optimizer=adam", "epochs=3", "network.filters=16"]
    Path("again.yaml").write_text(yaml_part(celu("show", "case-d", *overrides).out), encoding="utf-8")
    assert load_case("again.yaml") == load_case("case-d", overrides)


def test_every_value_tells_where_it_comes_from(celu: Celu) -> None:
    lines = [line.split("  # ") for line in yaml_part(celu("show", "case-d", "epochs=3").out).splitlines()]
    origins = {line[0].strip(): line[1:] for line in lines}
    assert origins["epochs: 3"] == ["override"]
    assert origins["name: amsgrad"] == ["case-c.yaml"]
    assert origins["seed: 0"] == ["default"]
    assert origins["method: dilated"] == []


def test_a_published_curve_of_other_runs_is_said_to_stay_away(celu: Celu) -> None:
    said = "not shown beside runs, as they have 8 of 200 filters, batch 50"
    assert said in celu("show", "case-c", "network.filters=8", "batch_size=50").out
    assert "not shown" not in celu("show", "case-c", "alpha=1").out


def test_a_published_curve_that_does_not_exist_is_told(celu: Celu) -> None:
    assert "case-x: there is no such curve" in celu("show", "case-c", "published=case-x").out


def test_json_holds_the_numbers(celu: Celu) -> None:
    shown = json.loads(celu("show", "case-d", "--json", "activation=relu", "alpha=null").out)
    assert shown["case"] == load_case("case-d", ["activation=relu", "alpha=null"]).model_dump(mode="json")
    assert shown["parameters"] == 977_000
    assert shown["steps_per_epoch"] == 500
    assert shown["training_flops_per_epoch"] == 50_000 * shown["training_flops_per_image"]
    assert [layer["number"] for layer in shown["layers"] if layer["receives_skip_gradient"]] == [2, 3, 4, 5]
    assert shown["layers"][0]["alpha"] is None
    assert sum(shown["memory_bytes"].values()) == 2 * shown["memory_bytes"]["total"]
    assert [Path(path).name for path in shown["files"]] == ["case-d.yaml", "case-c.yaml"]


def test_code_that_training_would_run_is_told_and_not_run(celu: Celu) -> None:
    Path("mine.py").write_text("raise SystemExit(9)\n")
    words = ("activation=mine.py:swish", "alpha=null")
    out = celu("show", "case-c", *words).out
    assert "code       training runs the Python code in mine.py\n" in out
    assert "mine.py:swish alpha 1, then the pool" in out
    assert json.loads(celu("show", "case-c", "--json", *words).out)["code"] == ["mine.py"]
    assert "training runs" not in celu("show", "case-c").out


def test_a_bad_override_ends_with_usage(celu: Celu) -> None:
    outcome = celu("show", "case-c", "optimizer.lr=1")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(
        'celu: override 1 "optimizer.lr=1": optimizer.lr: unknown key; accepted here: name, '
    )


def test_rows_and_columns_that_a_pool_drops_are_named(celu: Celu) -> None:
    layers = "[{kernel: 1, filters: 4, pool: average, pool_size: 7}, {kernel: 1, filters: 10, pool: max, pool_size: 3}]"
    out = " ".join(celu("show", "case-a", f"network={{layers: {layers}}}").out.split())
    assert (
        "pools what does not fill a window is left out: the pool of layer 2, 3 x 3 on 4 x 4, drops 1 row and 1 column"
        in out
    )
    assert "left out" not in celu("show", "case-c").out
