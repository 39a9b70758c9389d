"""The verdict on several results in one sentence: whether their seeds can tell them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from celu_cli.analysis.compare.contrast import amount, not_at_one_epoch
from celu_cli.analysis.compare.groups import Group, keys_apart, number_apart, uneven_epochs
from celu_cli.analysis.compare.metric import Metric, is_best, is_loss
from celu_cli.analysis.compare.overall import Overall, compare_overall
from celu_cli.analysis.compare.statistics import LEVEL
from celu_cli.case.describe import describe_dataset
from celu_cli.text import counted


def verdicts(groups: Sequence[Group], metric: Metric) -> dict[str, str]:
    """A sentence on the groups of each dataset of which several have a value, by the name of the dataset."""
    known = [group for group in groups if group.values]
    datasets = [describe_dataset(group.case) for group in known]
    found = {}
    for dataset in dict.fromkeys(datasets):
        members = [group for group, its in zip(known, datasets, strict=True) if its == dataset]
        if len(members) > 1:
            said = _verdict(members, metric)
            found[dataset] = said_of(dataset, said) if len(set(datasets)) > 1 else said
    return found


def said_of(what: str, sentence: str) -> str:
    """`sentence` behind a colon, after that which it is about."""
    return f"{what}: {sentence[0].lower()}{sentence[1:]}"


def _verdict(groups: Sequence[Group], metric: Metric) -> str:
    number = number_apart(groups)
    if number is not None:
        groups = [group for _, group in sorted(zip(number[1], groups, strict=True), key=lambda pair: pair[0])]
    if epochs := uneven_epochs([run for group in groups for run in group.counted]):
        return f"The {_kind(groups)} are {not_at_one_epoch(epochs)}."
    return say_overall(
        {group.label: group.values for group in groups}, _kind(groups), number[0] if number else "", metric
    )


def say_overall(results: Mapping[str, Mapping[int, float]], kind: str, parameter: str, metric: Metric) -> str:
    """The verdict on `results`, at least two, each with the values of its seeds.

    `kind` says what they are, as in "4 values of alpha", and `parameter` the number in whose order they stand, if any.
    """
    name, loss = metric.replace("-", " "), is_loss(metric)
    if is_best(metric):
        return (
            f"No verdict on these {kind} by {name}: the best of many epochs looks better in longer and noisier "
            "trainings, even in those that are equal."
        )
    tested = {label: values for label, values in results.items() if len(values) > 1}
    overall = compare_overall(list(tested.values()), bool(parameter))
    if overall is None:
        means = [sum(values.values()) / len(values) for values in results.values()]
        seeds = "One seed each" if all(len(values) == 1 for values in results.values()) else "So few seeds"
        span = _amount(max(means) - min(means), loss)
        return f"{seeds} cannot tell these {kind} apart in {name}: they span {span}, and another seed may reverse it."
    these = (
        f"these {kind}" if len(tested) == len(results) else f"the {len(tested)} of {kind} with several seeds"
    )
    least, most = min(overall.counts), max(overall.counts)
    seeds = f"{least} seeds" if least == most else f"{least} to {most} seeds each"
    p = f"p {overall.p:.2g}"
    if overall.trend_p is not None:
        p += f" for any difference, {overall.trend_p:.2g} for a trend"
    if not overall.differs:
        if overall.smallest_p > LEVEL:
            p += f", with so few seeds never below {overall.smallest_p:.3g}"
        span, spread = _amount(overall.span, loss), _amount(overall.deviation, loss)
        return (
            f"{seeds} cannot tell {these} apart in {name}: they span {span}, and another seed moves a run by about "
            f"{spread} ({p})."
        )
    return f"{_difference(overall, list(tested), these, name, parameter, loss)} ({p}; {seeds})."


def _difference(
    overall: Overall, labels: Sequence[str], these: str, name: str, parameter: str, loss: bool
) -> str:
    """What is more than chance."""
    trend = f"{'rises' if overall.rises else 'falls'} as {parameter} grows"
    if overall.p > LEVEL:
        return f"{name[0].upper()}{name[1:]} {trend}, by more than chance"
    best = (min if loss else max)(range(len(labels)), key=overall.means.__getitem__)
    said = f"{these[0].upper()}{these[1:]} differ in {name} by more than chance"
    said = f"{said}, {'lowest' if loss else 'highest'}: {labels[best]}"
    return f"{said}; it {trend}" if overall.has_trend else said


def _kind(groups: Sequence[Group]) -> str:
    """What the groups are, counted."""
    number, names = number_apart(groups), {group.case.name for group in groups}
    keys = keys_apart(groups)
    if number or (len(names) == 1 and len(keys) == 1):
        return f"{len(groups)} values of {keys[0]}"
    if len(names) == len(groups):
        return counted(len(groups), "case")
    return f"{len(groups)} settings of {names.pop() if len(names) == 1 else counted(len(names), 'case')}"


def _amount(share: float, loss: bool) -> str:
    return amount(share if loss else 100 * share, loss)
