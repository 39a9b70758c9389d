"""Every key of a case reaches the training: whatever ignores one, on the way from `execute` to the weights, fails here.

The keys are those of the schema, so a new one needs an entry: settings in which it matters, and other values of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

import numpy as np
import pytest

from celu_cli.case.activations import ALPHA
from celu_cli.case.annotations import Role
from celu_cli.case.schema import Case, Part, keys_with_role
from celu_cli.datasets.definition import Dataset, Split
from celu_cli.datasets.registry import DATASETS
from celu_cli.engine.backprop import METHODS, Gradients
from celu_cli.engine.randomness import hash_arrays
from celu_cli.events import CheckpointReached, EpochDone, Event
from celu_cli.execute import Job, execute
from tests.engine.small import ALPHAS, uncompiled


class Result(NamedTuple):
    """What a training came to: a hash of the last checkpoint, and each epoch's metrics without times."""

    state: str
    metrics: str


def parts(annotation: Any) -> Iterator[type[Part]]:
    """The kinds of `Part` in a field's annotation."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for argument in get_args(annotation):
        yield from parts(argument)


def all_parts(part: type[Part]) -> Iterator[type[Part]]:
    yield part
    for field in part.model_fields.values():
        for kind in parts(field.annotation):
            yield from all_parts(kind)


def names_its_kind(annotation: Any) -> bool:
    """Whether the key has one value only, by which its part is chosen."""
    return get_origin(annotation) is Literal and len(get_args(annotation)) == 1


PARTS = dict.fromkeys(all_parts(Case))
KEYS = [
    f"{part.__name__}.{key}"
    for part in PARTS
    for key, field in part.model_fields.items()
    if not (names_its_kind(field.annotation) or any(parts(field.annotation)))
]


def layered(initializer: Any = "he_normal", **first: Any) -> dict[str, Any]:
    """Three layers, the first of which can get skip gradients and is changed by `first`."""
    layers = [
        {"kernel": 3, "filters": 4, "pool": "average", "pool_size": 3} | first,
        {"kernel": 2, "filters": 4, "pool": "average", "pool_size": 3},
        {"kernel": 1, "filters": 10, "pool": "average", "pool_size": 3},
    ]
    return {"network": {"layers": layers, "initializer": initializer}}


# 28 x 28 -> 27 x 27 -> 9 x 9: other pools of the first layer need others above.
def pooled(pool: str, size: int) -> dict[str, Any]:
    layers = [
        {"kernel": 3, "filters": 4, "pool": pool, "pool_size": size},
        {"kernel": 2, "filters": 10, "pool": "average", "pool_size": 28 // size if pool != "none" else 28},
    ]
    return {"network": {"layers": layers, "initializer": "he_normal"}}


def residual(value: float) -> dict[str, Any]:
    layers = [
        {"kernel": 1, "filters": 4, "pool": "average", "pool_size": 4},
        {"kernel": 1, "filters": 4, "residual": value},
        {"kernel": 1, "filters": 10, "pool": "average", "pool_size": 7},
    ]
    return {"network": {"layers": layers, "initializer": "he_normal"}}


def preset(**values: Any) -> dict[str, Any]:
    return {"network": {"filters": 4, "initializer": "he_normal"} | values}


def wide(convolution: str) -> dict[str, Any]:
    """Wide enough for Winograd's algorithm."""
    layers = [
        {"kernel": 1, "filters": 64, "pool": "average", "pool_size": 4},
        {"kernel": 3, "filters": 64, "pool": "average", "pool_size": 7},
        {"kernel": 1, "filters": 10},
    ]
    return {"network": {"layers": layers, "initializer": "he_normal"}, "convolution": convolution}


def dataset(**values: Any) -> dict[str, Any]:
    return {"dataset": {"name": "mnist"} | values}


def optimizer(name: str, **values: Any) -> dict[str, Any]:
    return {"optimizer": {"name": name} | values}


def backprop(method: str, **values: Any) -> dict[str, Any]:
    return {"backprop": {"method": method} | values}


def schedule(name: str, **values: Any) -> dict[str, Any]:
    return {"schedule": {"name": name} | ({"every": 1} if name == "step" else {}) | values}


OPTIMIZERS = {
    "Sgd": "sgd",
    "Momentum": "momentum",
    "RMSprop": "rmsprop",
    "Adagrad": "adagrad",
    "Adam": "adam",
    "AdamW": "adamw",
    "Nadam": "nadam",
    "AMSGrad": "amsgrad",
}
SCHEDULES = {"ConstantSchedule": "constant", "StepSchedule": "step", "CosineSchedule": "cosine"}

# For each key changes to the base of which each trains something else; {}: the base itself.
ENTRIES: dict[str, list[dict[str, Any]]] = {
    **{f"Case.{label}": [{}, {label: "another"}] for label in ("name", "description", "published")},
    "Case.activation": [{"activation": name, "alpha": ALPHAS[name]} for name in ALPHA],
    "Case.alpha": [{}, {"alpha": 2.0}],
    "Case.epochs": [{}, {"epochs": 3}],
    "Case.batch_size": [{}, {"batch_size": 12}],
    "Case.seed": [{}, {"seed": 1}],
    "Case.precision": [{}, {"precision": "bfloat16"}],
    "Case.convolution": [wide("winograd"), wide("direct")],
    "Case.shares": [{"shares": 1}, {"shares": 2}, {"shares": 3}],
    "FidelitySpec.every": [{}, {"fidelity": {"every": 1}}, {"fidelity": {"every": 2}}],
    "DatasetSpec.name": [dataset(name=name) | preset() for name in ("mnist", "cifar10")],
    "DatasetSpec.sample": [{}, dataset(sample=True)],
    "DatasetSpec.hold_out": [{}, dataset(hold_out=1)],
    "PresetNetwork.filters": [preset(), preset(filters=5)],
    "PresetNetwork.residual": [preset(), preset(residual=0.5)],
    "NormalInitializer.standard_deviation": [
        layered({"name": "normal", "standard_deviation": deviation}) for deviation in (0.05, 0.1)
    ],
    "ScaledInitializer.name": [layered(name) for name in ("he_normal", "lecun_normal", "glorot_uniform")],
    "LayerSpec.kernel": [{}, layered(kernel=2)],
    "LayerSpec.filters": [{}, layered(filters=5)],
    "LayerSpec.pool": [pooled("average", 2), pooled("max", 2), pooled("none", 2)],
    "LayerSpec.pool_size": [pooled("average", 2), pooled("average", 4)],
    "LayerSpec.residual": [residual(0.0), residual(0.5)],
    "LayerSpec.activation": [{}, layered(activation="relu")],
    "LayerSpec.alpha": [{}, layered(alpha=2.0)],
    "ManualBackprop.rule": [backprop("manual"), backprop("manual", rule="article")],
    "DilatedBackprop.rate": [backprop("dilated", rate=0.1), backprop("dilated", rate=0.2)],
    "DilatedBackprop.decay": [backprop("dilated", rate=0.1, decay=decay) for decay in (1.0, 2.0)],
    "DilatedBackprop.rule": [backprop("dilated", rule=rule) for rule in ("exact", "article")],
    **{
        f"{kind}.learning_rate": [optimizer(n), optimizer(n, learning_rate=0.02)]
        for kind, n in OPTIMIZERS.items()
    },
    "Momentum.momentum": [optimizer("momentum"), optimizer("momentum", momentum=0.5)],
    "Momentum.nesterov": [optimizer("momentum"), optimizer("momentum", nesterov=True)],
    "RMSprop.rho": [optimizer("rmsprop"), optimizer("rmsprop", rho=0.5)],
    "Adagrad.initial_accumulator_value": [
        optimizer("adagrad"),
        optimizer("adagrad", initial_accumulator_value=0.2),
    ],
    **{
        f"{kind}.epsilon": [optimizer(OPTIMIZERS[kind]), optimizer(OPTIMIZERS[kind], epsilon=0.1)]
        for kind in ("RMSprop", "Adagrad", "Adam", "AdamW", "Nadam", "AMSGrad")
    },
    **{
        f"{kind}.{beta}": [optimizer(OPTIMIZERS[kind]), optimizer(OPTIMIZERS[kind], **{beta: 0.5})]
        for kind in ("Adam", "AdamW", "Nadam", "AMSGrad")
        for beta in ("beta_1", "beta_2")
    },
    "AdamW.weight_decay": [optimizer("adamw"), optimizer("adamw", weight_decay=0.1)],
    "AMSGrad.maximum": [optimizer("amsgrad", maximum=maximum) for maximum in ("elementwise", "tensor")],
    "AMSGrad.moment": [optimizer("amsgrad", moment=moment) for moment in ("new", "old")],
    "AMSGrad.bias_correction": [optimizer("amsgrad"), optimizer("amsgrad", bias_correction=True)],
    **{
        f"{kind}.warm_up_epochs": [schedule(name), schedule(name, warm_up_epochs=1.5)]
        for kind, name in SCHEDULES.items()
    },
    "StepSchedule.every": [schedule("step"), schedule("step", every=2)],
    "StepSchedule.factor": [schedule("step"), schedule("step", factor=0.5)],
    "CosineSchedule.final_factor": [schedule("cosine"), schedule("cosine", final_factor=0.5)],
}
# For each part that is of one of several kinds, a setting for each kind.
KINDS: dict[str, list[dict[str, Any]]] = {
    "network": [{}, preset()],
    "optimizer": [optimizer(name) for name in OPTIMIZERS.values()],
    "schedule": [schedule(name) for name in SCHEDULES.values()],
    "backprop": [backprop("manual"), backprop("dilated", rate=0.1)],
}


def toy(name: str, *, sample: bool, hold_out: int, **_: Any) -> Dataset:
    """Random images instead of the datasets' own; those held out are the first, as in theirs."""
    generator, shape = np.random.default_rng(len(name)), DATASETS[name].image_shape

    def split(count: int) -> Split:
        images = generator.integers(0, 256, (count, *shape), np.uint8)
        return Split(images, generator.integers(0, 10, count).astype(np.uint8))

    train, test = split(20 if sample else 24), split(4)
    return Dataset(name, Split(train.images[hold_out:], train.labels[hold_out:]), test, "made up for a test")


@pytest.fixture(autouse=True)
def toy_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("celu_cli.execute.load_dataset", toy)


def train(tmp_path: Path, changes: dict[str, Any]) -> Result:
    values = {
        "name": "base",
        **dataset(),
        **layered(),
        **optimizer("sgd"),
        "epochs": 2,
        "batch_size": 8,
    }
    case = Case.model_validate(values | changes)
    seen: list[Event] = []
    with uncompiled():
        execute(Job(case, tmp_path, plots=False), [seen.append])
    last = [event for event in seen if isinstance(event, CheckpointReached)][-1].checkpoint
    metrics = [vars(event.metrics) for event in seen if isinstance(event, EpochDone)]
    times = {"seconds", "images_per_second", "time"}
    trained = [{key: value for key, value in one.items() if key not in times} for one in metrics]
    return Result(
        hash_arrays([last.arrays[name] for name in sorted(last.arrays) if "fidelity" not in name]),
        f"{trained}",
    )


def test_every_key_has_an_entry_and_every_entry_a_key() -> None:
    assert sorted(ENTRIES) == sorted(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_a_training_that_ignored_a_key_would_come_to_the_same(key: str, tmp_path: Path) -> None:
    results = [train(tmp_path, changes) for changes in ENTRIES[key]]
    name = key.rpartition(".")[2]
    part_of_case = {"FidelitySpec": "fidelity"}.get(
        key.partition(".")[0], name if key.startswith("Case.") else ""
    )
    if part_of_case in keys_with_role(Role.LABEL, Role.COMPARISON):
        assert len(set(results)) == 1
    elif part_of_case in keys_with_role(Role.MEASUREMENT):
        assert len({result.state for result in results}) == 1
        assert len({result.metrics for result in results}) == len(results)
    else:
        assert len({result.state for result in results}) == len(results)


@pytest.mark.parametrize("key", KINDS)
def test_every_kind_of_a_part_trains_something_of_its_own(key: str, tmp_path: Path) -> None:
    settings = KINDS[key]
    results = [train(tmp_path, changes).state for changes in settings]
    same = [pair for pair in combinations(range(len(results)), 2) if results[pair[0]] == results[pair[1]]]
    assert [(settings[one], settings[other]) for one, other in same] == []


@pytest.mark.parametrize("method", METHODS)
def test_a_training_takes_its_gradients_from_the_method_of_its_case(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two methods may come to the same gradient, to the last bit."""

    def doubled(*given: Any, original: Any = METHODS[method]) -> Gradients:
        found: Gradients = original(*given)
        return found._replace(weights=[2.0 * gradient for gradient in found.weights])

    before = train(tmp_path, backprop(method))
    monkeypatch.setitem(METHODS, method, doubled)
    assert train(tmp_path, backprop(method)).state != before.state
