"""Cases, and things that are nearly cases, for property tests."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from celu_cli.case.annotations import LARGEST, SMALLEST
from celu_cli.case.schema import Case

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_SHARE = st.just(0.0) | st.floats(SMALLEST, 1 - 2.0**-24)
_RATE = st.floats(SMALLEST, 1e3)
_AMOUNT = st.just(0.0) | st.floats(SMALLEST, LARGEST)
_ADAM = {
    "learning_rate": _RATE,
    "beta_1": _SHARE,
    "beta_2": _SHARE,
    "epsilon": st.just(0.0) | st.floats(SMALLEST, 1),
}


def _kind(key: str, word: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({key: st.just(word)}, optional=fields)


_OPTIMIZERS = st.one_of(
    _kind("name", "sgd", learning_rate=_RATE),
    _kind("name", "momentum", learning_rate=_RATE, momentum=_SHARE, nesterov=st.booleans()),
    _kind("name", "rmsprop", learning_rate=_RATE, rho=_SHARE),
    _kind("name", "adagrad", initial_accumulator_value=_AMOUNT),
    _kind("name", "adamw", weight_decay=_AMOUNT, **_ADAM),
    _kind(
        "name",
        "amsgrad",
        maximum=st.sampled_from(["elementwise", "tensor"]),
        moment=st.sampled_from(["new", "old"]),
        **_ADAM,
    ),
    st.sampled_from(["adam", "nadam"]),
)
_INITIALIZERS = st.one_of(
    _kind("name", "normal", standard_deviation=_RATE), st.sampled_from(["he_normal", "glorot_uniform"])
)
_LAST_LAYER = st.fixed_dictionaries(
    {
        "kernel": st.integers(1, 5),
        "filters": st.just(10),
        "pool": st.just("average"),
        "pool_size": st.just(28),
    },
    optional={"activation": st.sampled_from(["relu", "tanh", "gelu"])},
)
_NETWORKS = st.one_of(
    st.just("article-7"),
    st.fixed_dictionaries(
        {},
        optional={
            "filters": st.integers(1, 500),
            "residual": _AMOUNT | _AMOUNT.map(lambda amount: -amount),
            "initializer": _INITIALIZERS,
        },
    ),
    st.fixed_dictionaries(
        {"layers": st.tuples(_LAST_LAYER).map(list)}, optional={"initializer": _INITIALIZERS}
    ),
)


def case_values() -> st.SearchStrategy[dict[str, Any]]:
    """What valid case files hold, before names are resolved."""
    return st.fixed_dictionaries(
        {
            "dataset": st.one_of(st.just("mnist"), _kind("name", "mnist", hold_out=st.integers(0, 59_999))),
            "optimizer": _OPTIMIZERS,
            "epochs": st.integers(1, 2**31 - 1),
        },
        optional={
            "name": st.sampled_from(["case-x", "a", "_1", "é.+-"]),
            "description": _TEXT,
            "network": _NETWORKS,
            "alpha": st.one_of(st.none(), st.floats(SMALLEST, LARGEST), st.integers(1, 5)),
            "backprop": st.sampled_from(["auto", "manual", {"method": "manual", "rule": "exact"}]),
            "schedule": st.one_of(
                st.sampled_from(["constant", "cosine"]),
                _kind("name", "step", factor=_RATE).map(lambda part: {**part, "every": 3}),
                st.fixed_dictionaries({"warm_up_epochs": _AMOUNT}),
            ),
            "batch_size": st.integers(1, 2**31 - 1),
            "seed": st.integers(0, 2**63 - 1),
            "precision": st.sampled_from(["float32", "bfloat16"]),
        },
    )


# Numbers that are nowhere near what anybody trains with, or just beyond what a field may be.
_ODD_NUMBERS = st.sampled_from(
    [0, -1, 1, 2, 3, 10, 28, 29, 57, 58, 2**31 - 1, 2**31, 10**9, 2**63 - 1, 2**63, 2**64, 10**400]
) | st.sampled_from(
    [-0.5, 0.5, 1 - 2.0**-25, 1e-300, SMALLEST, 1e9, LARGEST, 1e39, float("inf"), float("-inf"), float("nan")]
)
_ODD_LAYERS = st.lists(
    st.fixed_dictionaries(
        {
            "kernel": st.integers(1, 60) | _ODD_NUMBERS,
            "filters": st.sampled_from([1, 10, 10, 10]) | _ODD_NUMBERS,
        },
        optional={
            "pool": st.sampled_from(["none", "average", "max"]),
            "pool_size": st.sampled_from([2, 4, 7, 14, 28]) | _ODD_NUMBERS,
            "residual": _ODD_NUMBERS,
            "alpha": _ODD_NUMBERS,
            "activation": st.sampled_from(["celu", "relu", "leaky_relu", "tanh"]),
        },
    ),
    min_size=1,
    max_size=4,
)


def odd_case_values() -> st.SearchStrategy[dict[str, Any]]:
    """Cases of the right form whose numbers are odd: many cannot be trained, and some can."""
    optimizer = {"learning_rate": _RATE | _ODD_NUMBERS, "beta_1": _SHARE | _ODD_NUMBERS}
    return st.fixed_dictionaries(
        {
            "dataset": st.just("mnist") | _kind("name", "mnist", hold_out=_ODD_NUMBERS),
            "optimizer": st.just("sgd") | _kind("name", "adam", **optimizer),
            "epochs": st.just(1) | _ODD_NUMBERS,
        },
        optional={
            "network": _ODD_LAYERS.map(lambda layers: {"layers": layers})
            | st.fixed_dictionaries({"filters": _ODD_NUMBERS}, optional={"residual": _ODD_NUMBERS}),
            "alpha": _ODD_NUMBERS,
            "backprop": _kind("method", "dilated", rate=_ODD_NUMBERS, decay=_ODD_NUMBERS),
            "batch_size": _ODD_NUMBERS,
            "seed": _ODD_NUMBERS,
        },
    )


def valid_cases() -> st.SearchStrategy[Case]:
    return case_values().map(Case.model_validate)


_ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | _TEXT
    | st.sampled_from(
        ["no", "1_000", "0x1F", "1e-3", ".inf", "article-7", "adam", "layers", "~", "<<", "&a", "!!int"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)


def paths(values: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The key path of every value inside `values`."""
    inside = (
        values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    )
    found = []
    for key, value in inside:
        found += [(*here, key), *paths(value, (*here, key))]
    return found


@st.composite
def mutated_case_values(draw: st.DrawFn) -> dict[str, Any]:
    """A valid case's values of which some were replaced, removed or joined by others."""
    values = copy.deepcopy(draw(case_values()))
    for _ in range(draw(st.integers(1, 3))):
        places = paths(values)
        if not places:
            break
        *way, last = draw(st.sampled_from(places))
        holder: Any = values
        for step in way:
            holder = holder[step]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                holder[last] = draw(_ANYTHING)
            case "remove":
                del holder[last]
            case _ if isinstance(holder, dict):
                keys = st.sampled_from([*Case.model_fields, "extends", "lr", "rate", "layers", "filters"])
                holder[draw(keys | _TEXT)] = draw(_ANYTHING)
    return values
