"""The columns of what a case sets: those that every table has, and one for each other key that rows differ in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from celu_cli.analysis.compare.columns import Column
from celu_cli.case.describe import describe_backprop, describe_dataset, describe_optimizer
from celu_cli.case.schema import Case
from celu_cli.case.settings import (
    alpha_of,
    changed_settings,
    differing_keys,
    key_title,
    settings_in_force,
    shared_changes,
    value_text,
)
from celu_cli.text import counted, json_text


def _setting(
    name: str, read: Callable[[Case], Any], shared: str, leaves: int, *keys: str, **more: Any
) -> Column:
    return Column(name, lambda of: read(of.case), shared=shared, leaves=leaves, keys=keys or (name,), **more)


def _learning_rate(case: Case) -> float:
    return case.optimizer.learning_rate


def _unless_usual(precision: str) -> str:
    return "" if precision == "float32" else precision


_OF_DATASET = ("dataset.name", "dataset.sample")
_OF_BACKPROP = ("backprop.method", "backprop.rule")
_OF_OPTIMIZER = ("optimizer.name", "optimizer.maximum", "optimizer.moment")
_OF_RATE = "optimizer.learning_rate"

# What a table says of the case of a run, of a group or of an epoch.
SETTINGS = (
    _setting("dataset", describe_dataset, "{}", 6, *_OF_DATASET, heading="dataset"),
    _setting("activation", lambda case: case.activation, "{}", 3, heading="activation"),
    _setting("alpha", alpha_of, "alpha {}", 7, heading="alpha", form="{:g}", number=True),
    _setting("backprop", describe_backprop, "{} backprop", 5, *_OF_BACKPROP, heading="backprop"),
    _setting("optimizer", describe_optimizer, "{}", 4, *_OF_OPTIMIZER, heading="optimizer"),
    _setting(
        "learning_rate", _learning_rate, "rate {}", 2, _OF_RATE, heading="rate", form="{:g}", number=True
    ),
    _setting("precision", lambda case: case.precision, "{}", 5, heading="precision", form=_unless_usual),
)


def setting_columns(
    cases: Iterable[Case], others: Iterable[Column], all_keys: bool = False
) -> tuple[Column, ...]:
    """`SETTINGS`, and a column for every other key in which `cases` differ or with `all_keys` for every key.

    Keys that one of `others` says get none of their own.
    """
    distinct = distinct_cases(cases)
    covered = {key for column in (*SETTINGS, *others) for key in column.keys}
    shared = shared_changes(distinct)
    wanted = [
        *differing_keys(distinct),
        *(key for case in distinct for key in changed_settings(case) if key not in shared),
        *(key for case in distinct for key in settings_in_force(case) if all_keys),
    ]
    keys = [key for key in dict.fromkeys(wanted) if key not in covered]
    return (*SETTINGS, *(_column(key, distinct) for key in keys))


@dataclass(frozen=True)
class _Subject:
    case: Case


def describe_shared(cases: Sequence[Case]) -> Iterator[str]:
    """What a table says once of the settings in which `cases` agree."""
    for column in SETTINGS:
        cells = {column.cell({column.name: column.value(_Subject(case))}) for case in cases}
        if len(cells) == 1 and cells != {""}:
            yield str(column.shared).format(*cells)
    epochs = {counted(case.epochs, "epoch") for case in cases}
    yield from epochs if len(epochs) == 1 else ()
    yield from shared_changes(cases).values()


def distinct_cases(cases: Iterable[Case]) -> list[Case]:
    """`cases` without those that differ from another in their seed alone."""
    return list(dict.fromkeys(case.model_copy(update={"seed": 0}) for case in cases))


def _column(key: str, cases: Sequence[Case]) -> Column:
    title = key_title(key).rpartition("'s ")[2]
    values = list(dict.fromkeys(_plain(settings_in_force(case).get(key)) for case in cases))
    layers = key == "network.layers"
    return Column(
        key,
        lambda of: _plain(settings_in_force(of.case).get(key)),
        title,
        (lambda value: f"#{values.index(value) + 1}") if layers else value_text,
        number=all(type(value) in (int, float) for value in values if value is not None),
        shared=f"{title} {{}}",
        leaves=5,
        keys=(key,),
    )


def _plain(value: Any) -> Any:
    return json_text(value, indent=None) if isinstance(value, tuple) else value
