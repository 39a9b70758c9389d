"""What a picture of groups is called and how its lines are distinguished: by what differs, below what is shared."""

from __future__ import annotations

from collections.abc import Sequence

from celu_cli.analysis.compare.groups import Group, number_apart
from celu_cli.analysis.plots.style import Look, look_of, ordered_looks
from celu_cli.case.describe import describe_dataset
from celu_cli.case.schema import Case
from celu_cli.case.settings import key_title, shared_changes, value_text
from celu_cli.text import counted

_MOST_NAMED = 4


def label_groups(groups: Sequence[Group]) -> list[tuple[str, Look]]:
    """For each group what it is called beside the others, and its look: ordered ones where a number orders them."""
    number = _number(groups)
    if number is None:
        same = len({group.case.name for group in groups}) == 1
        short = [group.label.removeprefix(f"{group.case.name} ") if same else group.label for group in groups]
        return [(label, look_of(place)) for place, label in enumerate(short)]
    key, values = number
    looks = dict(zip(sorted(values), ordered_looks(len(values)), strict=True))
    return [(f"{key_title(key)} {value_text(value)}", looks[value]) for value in values]


def _number(groups: Sequence[Group]) -> tuple[str, list[float]] | None:
    return number_apart(groups) if len({group.case.name for group in groups}) == 1 else None


def title_of(what: str, groups: Sequence[Group], rest: str = "", key: str | None = None) -> str:
    """What is compared: the measure, on what, and between whom or by which key."""
    datasets = {describe_dataset(group.case) for group in groups}
    names = list(dict.fromkeys(group.case.name for group in groups))
    key = key or (_number(groups) or [None])[0]
    if len(names) == 1 and len(groups) > 1 and not key:
        between = f"{len(groups)} settings of {names[0]}"
    elif len(names) <= _MOST_NAMED:
        between = " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
    else:
        between = f"{len(names)} cases"
    between += f" by {key_title(key)}" if key else ""
    on = f" on {datasets.pop()}" if len(datasets) == 1 else ""
    head = f"{what[0].upper()}{what[1:]}{on} {rest}".rstrip()
    return f"{head}: {between}" if groups else head


def shared_text(cases: Sequence[Case]) -> str:
    """What all of `cases` do otherwise than the cases they come from, in words."""
    epochs = {counted(case.epochs, "epoch") for case in cases}
    shared = shared_changes(cases).values() if cases else ()
    return ", ".join([*shared, *(epochs if len(epochs) == 1 else ())])
