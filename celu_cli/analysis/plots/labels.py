"""What a picture of groups is called and how its lines are told apart: by what differs, below what is shared."""

from __future__ import annotations

from collections.abc import Sequence

from celu_cli.analysis.compare.groups import Group
from celu_cli.analysis.plots.style import Look, look_of, ordered_looks
from celu_cli.case.describe import describe_dataset
from celu_cli.case.settings import differing_keys, key_title, settings_in_force, shared_changes, value_text

_MOST_NAMED = 4
_SEED = "seed"


def swept_key(groups: Sequence[Group]) -> str | None:
    """The one key with numbers in which all `groups` differ; None where they differ otherwise."""
    cases = [group.case for group in groups]
    keys = [key for key in differing_keys(cases) if key != _SEED]
    if len(keys) != 1 or len({case.name for case in cases}) > 1:
        return None
    return (
        keys[0] if all(type(settings_in_force(case).get(keys[0])) in (int, float) for case in cases) else None
    )


def label_groups(groups: Sequence[Group]) -> list[tuple[str, Look]]:
    """For each group what it is called beside the others, and its look: ordered ones where a number orders them."""
    key = swept_key(groups)
    if key is None:
        same = len({group.case.name for group in groups}) == 1
        short = [group.label.removeprefix(f"{group.case.name} ") if same else group.label for group in groups]
        return [(label, look_of(number)) for number, label in enumerate(short)]
    values = [settings_in_force(group.case)[key] for group in groups]
    looks = dict(zip(sorted(values), ordered_looks(len(values)), strict=True))
    return [(f"{key_title(key)} {value_text(value)}", looks[value]) for value in values]


def title_of(what: str, groups: Sequence[Group], rest: str = "", key: str | None = None) -> str:
    """What is compared: the measure, on what, and between whom or by which key."""
    datasets = {describe_dataset(group.case) for group in groups}
    names = list(dict.fromkeys(group.case.name for group in groups))
    key = key or swept_key(groups)
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


def shared_text(groups: Sequence[Group]) -> str:
    """What all of `groups` do otherwise than the cases they come from, in words."""
    cases = [group.case for group in groups]
    epochs = {f"{case.epochs} epoch{'s' if case.epochs != 1 else ''}" for case in cases}
    shared = shared_changes(cases).values() if cases else ()
    return ", ".join([*shared, *(epochs if len(epochs) == 1 else ())])
