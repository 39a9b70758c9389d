from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from celu_cli.analysis.why.changes import Change, case_changes
from celu_cli.analysis.why.explain import Explanation, explain
from celu_cli.analysis.why.proposals import propose
from celu_cli.analysis.why.results import compare_metrics, expected_start, recorded_start
from celu_cli.analysis.why.run_changes import run_changes, shared_conditions
from celu_cli.analysis.why.subject import Subject, find_subject
from celu_cli.case.catalog import find_cases
from celu_cli.case.load import load_case
from celu_cli.errors import CaseError, RunError, UsageError
from celu_cli.events import Epochs
from celu_cli.runs.manifest import Resumption
from celu_cli.runs.run import Run, read_run
from tests.runs.fakes import make_case, make_metrics, record_run

SHIPPED = [entry.name for entry in find_cases()]


def why_cases(a: str, b: str) -> Explanation:
    return explain(find_subject(a, Path("none")), find_subject(b, Path("none")))


def changes(a: list[str], b: list[str], base: str = "case-c") -> dict[str, Change]:
    """What differs between two variants of a case."""
    return {change.name: change for change in case_changes(load_case(base, a), load_case(base, b))}


def test_case_b_and_case_c_are_told_to_be_confounded_in_the_optimizer() -> None:
    explanation = why_cases("case-b", "case-c")
    assert explanation.confounded == (
        "optimizer rule",
        "optimizer's beta_2",
        "optimizer's bias correction",
    )
    (rounding,) = explanation.changes_of("rounding")
    assert rounding.name == "backprop method"
    assert "not a likely cause" in rounding.note
    verdict = " ".join(explanation.verdict)
    assert "beta_2, optimizer's bias correction and backprop method changed at once" in verdict
    assert "cannot be attributed to any one of them" in verdict


def test_a_value_that_a_kind_implies_is_stated_as_such() -> None:
    found = {change.name: change for change in why_cases("case-b", "case-c").changes}
    (value,) = found["optimizer's bias correction"].values
    assert (value.a, value.b, value.implied_a, value.implied_b) == (True, False, True, False)
    # sqrt(1 - 0.999) / (1 - 0.9)
    assert "adam always corrects" in found["optimizer's bias correction"].note
    assert "first step by 0.316" in found["optimizer's bias correction"].note


def test_amsgrad_that_corrects_bias_as_adam_does_is_no_change_of_the_correction() -> None:
    found = changes([], ["optimizer.bias_correction=true", "optimizer.beta_2=0.999"], "case-c")
    assert set(found) == {"optimizer's beta_2", "optimizer's bias correction"}
    made = load_case("case-c", ["optimizer.bias_correction=true", "optimizer.beta_2=0.999"])
    names = {change.name for change in case_changes(load_case("case-b"), made) if change.effect == "result"}
    assert names == {"optimizer rule"}


@pytest.mark.parametrize("a", SHIPPED)
@pytest.mark.parametrize("b", SHIPPED)
def test_every_proposal_is_a_valid_case_one_change_from_its_start(a: str, b: str) -> None:
    explanation = why_cases(a, b)
    for proposal in explanation.proposals:
        if proposal.command is None:
            continue
        program, command, reference, *overrides = shlex.split(proposal.command)
        assert (program, command) == ("celu", "run")
        assert reference == (a if proposal.start == "A" else b)
        made = load_case(reference, overrides)
        found = [
            change.name for change in case_changes(load_case(reference), made) if change.effect != "none"
        ]
        assert found == [proposal.change]
    separable = [change for change in explanation.changes if change.effect in ("result", "rounding")]
    assert len(explanation.proposals) == (len(separable) if explanation.confounded else 0)


def test_what_one_side_cannot_say_is_proposed_from_the_other() -> None:
    commands = {proposal.change: proposal for proposal in why_cases("case-b", "case-c").proposals}
    assert commands["optimizer's bias correction"].command == "celu run case-c optimizer.bias_correction=true"
    assert commands["optimizer's beta_2"].command == "celu run case-b optimizer.beta_2=0.9"
    assert commands["optimizer rule"].start == "A"


def test_a_change_of_the_activation_drops_the_alpha_that_the_new_one_has_not() -> None:
    a = load_case("case-c")
    b = load_case("case-c", ["activation=relu", "alpha=null", "seed=1"])
    explanation = explain(Subject("case-c", a, "case-c"), Subject("relu", b, "relu.yaml"))
    commands = {proposal.change: proposal.command for proposal in explanation.proposals}
    assert commands["activation"] == "celu run case-c activation=relu alpha=null"
    assert commands["seed"] == "celu run case-c seed=1"


def test_a_change_that_no_valid_case_has_alone_is_said_to_have_none() -> None:
    # The article's rule is defined for celu alone, so neither side can take the other's activation or rule.
    a = load_case("case-c-as-run")
    b = load_case("case-c", ["activation=relu", "alpha=null"])
    explanation = explain(Subject("a", a, "case-c-as-run"), Subject("b", b, "none.yaml"))
    commands = {proposal.change: proposal.command for proposal in explanation.proposals}
    assert commands == {"activation": None, "gradient rule": "celu run case-c-as-run backprop.rule=exact"}


def test_names_and_descriptions_cannot_change_the_result() -> None:
    found = changes([], ["description=other", "published=case-d", "fidelity.every=5"])
    assert {change.effect for change in found.values()} == {"none"}
    explanation = why_cases("case-c", "case-c")
    assert explanation.changes == ()
    assert explanation.verdict == ("Nothing that can change the result differs.",)


@pytest.mark.parametrize(
    ("overrides", "name", "effect"),
    [
        (["epochs=3"], "epochs", "length"),
        (["epochs=3", "schedule=cosine"], "epochs", "result"),
        (["convolution=direct"], "convolution algorithm", "rounding"),
        (["shares=3"], "shares of a batch", "rounding"),
        (["backprop=auto"], "backprop method", "rounding"),
        (["backprop={method: dilated, rate: 0}"], "backprop method", "rounding"),
        (["backprop=dilated"], "backprop method", "result"),
        (["precision=bfloat16"], "precision", "result"),
        (["network.residual=0.8"], "network's residual", "result"),
        (["network.initializer=he_normal"], "initializer", "result"),
    ],
)
def test_each_change_is_weighed_by_what_it_can_do(overrides: list[str], name: str, effect: str) -> None:
    assert changes([], overrides)[name].effect == effect


def test_a_network_written_out_layer_by_layer_is_recognised() -> None:
    layers = [
        "network={layers: ["
        + ", ".join(
            [
                "{kernel: 5, filters: 200}",
                "{kernel: 3, filters: 200, pool: average}",
                "{kernel: 1, filters: 200, pool: average}",
                "{kernel: 3, filters: 200, pool: average}",
                "{kernel: 1, filters: 200, pool: average}",
                "{kernel: 2, filters: 200, pool: average}",
                "{kernel: 1, filters: 10}",
            ]
        )
        + "]}"
    ]
    assert changes([], layers)["network"].effect == "none"
    assert changes([], [layers[0].replace("kernel: 5", "kernel: 3")])["network"].effect == "result"


LAYERS = "network={layers: [{kernel: 5, filters: 8, pool: average, pool_size: 32}, {kernel: 1, filters: 10}]}"


@pytest.mark.parametrize(
    ("overrides", "name", "words"),
    [
        ([LAYERS], "network", None),
        (["network.filters=100"], "network's filters", "network.filters=100"),
        (["network.initializer=he_normal"], "initializer", "network.initializer.name=he_normal"),
        (
            ["schedule={name: step, every: 3}"],
            "learning-rate schedule",
            "schedule.name=step schedule.every=3",
        ),
        (["optimizer={name: sgd, learning_rate: 8e-4}"], "optimizer rule", None),
        (["optimizer={name: nadam}"], "optimizer rule", None),
        (["activation=elu"], "activation", "activation=elu alpha=2.0"),
        (["dataset.sample=true"], "sample or full set", "dataset.sample=true"),
        (["optimizer.epsilon=1e-3"], "optimizer's epsilon", "optimizer.epsilon=0.001"),
        (["backprop.rule=article"], "gradient rule", "backprop.rule=article"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_each_kind_of_change_can_be_proposed_alone(
    overrides: list[str], name: str, words: str | None, turned: bool
) -> None:
    one, other = (
        Subject(name, case, "case-c", given)
        for name, given in (("a", ()), ("b", (*overrides, "seed=7")))
        for case in (load_case("case-c", given),)
    )
    explanation = explain(other, one) if turned else explain(one, other)
    proposals = {proposal.change: proposal for proposal in explanation.proposals}
    command = proposals[name].command
    assert command is not None
    _, _, reference, *given = shlex.split(command)
    start = (other if turned else one) if proposals[name].start == "A" else (one if turned else other)
    made = load_case(reference, given)
    assert {change.name for change in case_changes(start.case, made) if change.effect != "none"} == {name}
    if words and not turned:
        assert command == f"celu run case-c {words}"


def test_images_held_out_belong_to_the_full_set_alone() -> None:
    full, sample = load_case("case-a"), load_case("case-a", ["dataset.sample=true"])
    (change,) = case_changes(sample, full)
    assert [(value.key, value.a, value.b) for value in change.values] == [
        ("dataset.sample", True, False),
        ("dataset.hold_out", None, 5000),
    ]
    assert case_changes(sample, load_case("case-a", ["dataset.sample=true", "dataset.hold_out=0"])) == []
    start = Subject("sample", sample, "case-a", ("dataset.sample=true", "dataset.hold_out=0"))
    proposal = propose(start, Subject("full", full, "case-a"), change)
    assert proposal.command == "celu run case-a dataset.sample=false dataset.hold_out=5000"


def test_cases_that_differ_in_their_epochs_alone_are_to_be_compared_where_both_have_one() -> None:
    a, b = load_case("case-c"), load_case("case-c", ["epochs=5"])
    explanation = explain(Subject("a", a, "a"), Subject("b", b, "b"))
    assert explanation.confounded == ()
    assert explanation.verdict == (
        "Up to the last epoch that both have, nothing that can change the result differs.",
        "They run for different numbers of epochs: compare them at the last epoch that both have.",
    )


def test_what_two_runs_have_in_common_is_said(tmp_path: Path) -> None:
    a, b = recorded(tmp_path, seed=3), recorded(tmp_path, seed=3)
    conditions = shared_conditions(a, b)
    same = explain(*(Subject("a", run.case, "a", run=run) for run in (a, b))).same
    assert same == ("seed 3", *conditions)
    assert f"{a.manifest.cpu_threads} threads" in conditions
    other = replace(b, manifest=b.manifest.model_copy(update={"cpu_threads": 99}))
    assert set(conditions) - set(shared_conditions(a, other)) == {f"{a.manifest.cpu_threads} threads"}


def test_what_no_run_recorded_is_not_taken_for_equal(tmp_path: Path) -> None:
    a = recorded(tmp_path)
    unknown = replace(a, manifest=a.manifest.model_copy(update={"git_commit": None}))
    side = Subject("a", a.case, "a", run=unknown)
    assert "Neither run recorded the commit of celu" in explain(side, side).verdict[-1]
    case = Subject("a", a.case, "a")
    assert explain(side, case).verdict[-1].startswith("Only one of the two is a run")


def test_alpha_is_told_to_be_scale_and_temperature_only_where_it_is() -> None:
    assert "temperature of the softmax" in changes([], ["alpha=1"])["alpha"].note
    elu = changes(["activation=elu"], ["activation=elu", "alpha=1"])["alpha"]
    assert elu.note == ""


def test_cases_say_whether_they_would_start_alike() -> None:
    def start(*overrides: str) -> tuple[bool | None, bool | None]:
        found = expected_start(load_case("case-c"), load_case("case-c", overrides))
        assert found.expected
        return found.same_weights, found.same_order

    assert start("optimizer=adam", "activation=relu", "alpha=null") == (True, True)
    assert start("seed=1") == (False, False)
    reasons = expected_start(load_case("case-c"), load_case("case-c", ["dataset.hold_out=5000"]))
    assert reasons.weights_reason == "same seed, shapes of the layers, initializer"
    assert reasons.order_reason == "other number of training images"
    assert start("network.initializer=he_normal") == (False, True)
    assert start("network.filters=100") == (False, True)
    assert start("dataset.hold_out=5000") == (True, False)


def recorded(tmp_path: Path, **changes: Any) -> Run:
    return read_run(record_run(tmp_path, make_case(**changes)))


def test_the_start_of_runs_is_compared_by_their_hashes(tmp_path: Path) -> None:
    a, b = recorded(tmp_path), recorded(tmp_path)
    assert recorded_start(a.manifest, b.manifest).same_weights is True
    other = b.manifest.model_copy(update={"initial_weights_hash": "other", "batch_order_hash": None})
    start = recorded_start(a.manifest, other)
    assert (start.same_weights, start.same_order, start.expected) == (False, None, False)


def test_the_first_epoch_in_which_metrics_part_is_found(tmp_path: Path) -> None:
    a = recorded(tmp_path, epochs=4)
    longer = tuple(
        make_metrics(epoch, test_accuracy=0.5 if epoch == 3 else make_metrics(epoch).test_accuracy)
        for epoch in range(1, 7)
    )
    parting = compare_metrics(a, replace(a, metrics=Epochs(longer)))
    assert (parting.common_epochs, parting.first_epoch, parting.last_epoch) == (4, 3, 4)
    assert parting.first["test_accuracy"] == pytest.approx(0.5 - make_metrics(3).test_accuracy)
    assert parting.first["train_loss"] == parting.last["test_accuracy"] == 0
    assert compare_metrics(a, a).first_epoch is None


def test_losses_that_are_not_numbers_in_both_runs_are_equal(tmp_path: Path) -> None:
    a = recorded(tmp_path)
    lost = replace(a, metrics=Epochs((make_metrics(1, train_loss=float("nan")),)))
    assert compare_metrics(lost, lost).first_epoch is None
    assert compare_metrics(a, lost).first_epoch == 1


def test_code_and_environment_are_weighed_apart(tmp_path: Path) -> None:
    a = recorded(tmp_path)
    manifest = a.manifest.model_copy(
        update={
            "git_commit": "0123",
            "cpu_threads": a.manifest.cpu_threads + 1,
            "host": "elsewhere",
            "dataset_source": "a mirror",
            "train_images": 4,
            "versions": a.manifest.versions | {"tensorflow": "1.0", "python": "4.0"},
            "code": {"my.py": "abc"},
        }
    )
    changes = run_changes(a, replace(a, manifest=manifest))
    assert {
        change.name: change.note.partition(":")[0] for change in changes if change.effect == "rounding"
    } == {
        "tensorflow": "other versions or processors round differently",
        "threads": "sums are added up in another order, which rounds differently",
    }
    assert {change.name: change.effect for change in changes} == {
        "code of celu": "result",
        "code of the activation": "result",
        "number of images": "result",
        "tensorflow": "rounding",
        "threads": "rounding",
        "python": "none",
        "host": "none",
        "data source": "none",
    }


def test_shares_are_a_change_of_the_case_where_it_says_them_and_of_the_machine_otherwise(
    tmp_path: Path,
) -> None:
    def cut(recorded: int | None, said: int | None = None) -> Subject:
        run = read_run(record_run(tmp_path, make_case(shares=said)))
        manifest = run.manifest.model_copy(update={"shares": recorded, "git_commit": "0123"})
        return Subject(run.name, run.case, run.name, run=replace(run, manifest=manifest))

    def shares_of(*subjects: Subject) -> list[tuple[object, object, str]]:
        changes = explain(*subjects).changes
        assert {change.effect for change in changes} <= {"rounding"}
        return [(change.values[0].a, change.values[0].b, change.part) for change in changes]

    assert shares_of(cut(2), cut(2)) == []
    assert shares_of(cut(2), cut(8)) == [(2, 8, "")]
    assert shares_of(cut(2), cut(None)) == []  # an older celu recorded none
    assert shares_of(cut(4), cut(3, said=3)) == [(4, 3, "training")]
    assert shares_of(cut(3), cut(3, said=3)) == []
    assert shares_of(cut(None), cut(3, said=3)) == [(None, 3, "training")]
    assert explain(cut(2), cut(8)).verdict[0] == (
        "Only rounding can differ, by shares of a batch; training makes small differences grow."
    )


def test_an_activation_and_the_file_it_comes_from_are_one_change(tmp_path: Path) -> None:
    own_file = tmp_path / "own.py"
    own_file.write_text("first = 1")

    def trained(activation: str, **changes: Any) -> Subject:
        run = read_run(record_run(tmp_path, make_case(activation=activation, **changes)))
        run = replace(run, manifest=run.manifest.model_copy(update={"git_commit": "0123"}))
        return Subject(run.name, run.case, run.name, run=run)

    celus, own = trained("celu"), trained(f"{own_file}:swish")
    (change,) = explain(celus, own).changes_of("result")
    assert change.name == "activation"
    assert [value.key for value in change.values] == ["activation", "code"]
    assert explain(celus, own).confounded == ()
    # An edited file is a change of its own, also beside another.
    own_file.write_text("second = 2")
    edited = trained(f"{own_file}:swish", seed=5)
    assert explain(own, edited).confounded == ("seed", "code of the activation")


def committed(tmp_path: Path) -> Run:
    run = recorded(tmp_path)
    return replace(run, manifest=run.manifest.model_copy(update={"git_commit": "0123"}))


def resumed(run: Run, **changes: Any) -> Run:
    """`run`, resumed after 7 steps of epoch 2 and again at epoch 3, there by a process that differs in `changes`."""
    keys = {"host": run.manifest.host, "pid": 1} | {
        key: getattr(run.manifest, key) for key in ("cpu_model", "cpu_threads", "git_commit", "versions")
    }
    times = {"time": run.manifest.started, "stopped": run.manifest.started}
    resumptions = (
        Resumption(epoch=2, step=7, **times, **keys),
        Resumption(epoch=3, step=0, **times, **(keys | changes)),
    )
    return replace(run, manifest=run.manifest.model_copy(update={"resumed": resumptions}))


def test_what_trained_each_part_of_a_resumed_run_is_said(tmp_path: Path) -> None:
    once = committed(tmp_path)
    versions = once.manifest.versions | {"tensorflow": "1.0"}
    moved = resumed(once, cpu_model="Other CPU", cpu_threads=99, versions=versions, host="second")
    found = {change.name: change for change in run_changes(once, moved)}
    assert {name: change.effect for name, change in found.items()} == {
        "tensorflow": "rounding",
        "processor": "rounding",
        "threads": "rounding",
        "host": "none",
    }
    begun = once.manifest
    values = {name: change.values[0] for name, change in found.items()}
    assert values["processor"].b == f"{begun.cpu_model}; from epoch 3: Other CPU"
    assert (values["threads"].a, values["threads"].b) == (
        begun.cpu_threads,
        f"{begun.cpu_threads}; from epoch 3: 99",
    )
    assert values["tensorflow"].b == f"{begun.versions['tensorflow']}; from epoch 3: 1.0"
    assert values["host"].b == f"{begun.host}; from epoch 3: second"
    first = moved.manifest.resumed[0].model_copy(update={"cpu_threads": 98})
    often = moved.manifest.model_copy(update={"resumed": (first, moved.manifest.resumed[1])})
    (threads,) = [one for one in run_changes(moved, replace(moved, manifest=often)) if one.name == "threads"]
    assert threads.values[0].b == f"{begun.cpu_threads}; from step 8 of epoch 2: 98; from epoch 3: 99"
    assert run_changes(moved, moved) == run_changes(once, once)
    assert f"{begun.cpu_threads} threads; from epoch 3: 99 threads" in shared_conditions(moved, moved)


def test_the_first_host_of_a_run_whose_last_process_took_its_place_in_run_json_is_not_recorded(
    tmp_path: Path,
) -> None:
    once = committed(tmp_path)
    moved = resumed(once, host="second", pid=2)
    older = moved.manifest.model_copy(update={"host": "second", "pid": 2})
    (host,) = run_changes(once, replace(moved, manifest=older))
    assert (
        host.values[0].b
        == f"not recorded; from step 8 of epoch 2: {once.manifest.host}; from epoch 3: second"
    )


def test_what_changes_the_computation_from_outside_is_said_where_both_runs_recorded_it(
    tmp_path: Path,
) -> None:
    run = committed(tmp_path)

    def in_surroundings(cores: str | None, environment: dict[str, str] | None) -> Run:
        changes = {"cores": cores, "environment": environment}
        return replace(run, manifest=run.manifest.model_copy(update=changes))

    one = in_surroundings("0-1", {"TF_NUM_INTRAOP_THREADS": "1", "TF_ENABLE_ONEDNN_OPTS": "1"})
    other = in_surroundings("2-3", {"OMP_NUM_THREADS": "4", "TF_ENABLE_ONEDNN_OPTS": "1"})
    found = {change.name: change for change in run_changes(one, other)}
    assert {name: change.effect for name, change in found.items()} == {
        "cores": "none",
        "environment variables": "rounding",
    }
    assert [(value.key, value.a, value.b) for value in found["environment variables"].values] == [
        ("OMP_NUM_THREADS", "unset", "4"),
        ("TF_NUM_INTRAOP_THREADS", "1", "unset"),
    ]
    assert "TF_ENABLE_ONEDNN_OPTS=1" in shared_conditions(one, other)
    assert run_changes(one, in_surroundings(None, None)) == []  # a run of an older celu


def test_a_run_resumed_on_the_machine_that_began_it_is_as_one_trained_at_once(tmp_path: Path) -> None:
    once = committed(tmp_path)
    assert run_changes(once, resumed(once)) == []
    renamed = {key: value for key, value in once.manifest.versions.items() if key != "tensorflow"}
    assert "tensorflow" not in {change.name for change in run_changes(once, resumed(once, versions=renamed))}


def test_code_that_changed_while_a_run_paused_can_explain_its_result(tmp_path: Path) -> None:
    once = committed(tmp_path)
    (change,) = [one for one in run_changes(once, resumed(once, git_commit="4567")) if one.effect == "result"]
    assert (change.name, change.values[0].b) == ("code of celu", "0123; from epoch 3: 4567")
    (change,) = [one for one in run_changes(once, resumed(once, git_commit=None)) if one.effect == "result"]
    assert change.values[0].b == "0123; from epoch 3: not recorded"
    assert "may be the same or not" in change.note


def test_the_same_commit_with_uncommitted_changes_is_not_trusted(tmp_path: Path) -> None:
    a = recorded(tmp_path)
    dirty = replace(a, manifest=a.manifest.model_copy(update={"git_commit": "0123+dirty"}))
    (change,) = run_changes(dirty, dirty)
    assert (change.name, change.effect) == ("code of celu", "result")
    clean = replace(a, manifest=a.manifest.model_copy(update={"git_commit": "0123"}))
    assert run_changes(clean, clean) == []


def test_a_name_that_is_a_case_means_the_case_and_its_runs_are_named(tmp_path: Path) -> None:
    path = record_run(tmp_path, make_case(name="case-c"))
    side = find_subject("case-c", tmp_path)
    assert side.run is None
    assert side.runs == (f"case-c/{path.name}",)
    for name in (f"case-c/{path.name}", path.name, str(path)):
        run = find_subject(name, tmp_path).run
        assert run is not None
        assert run.path.name == path.name


def test_a_run_of_an_unchanged_case_is_proposed_by_the_name_of_the_case(tmp_path: Path) -> None:
    plain = record_run(tmp_path, load_case("case-c"))
    side = find_subject(str(plain), tmp_path)
    assert (side.reference, side.overrides) == ("case-c", ())
    changed = record_run(tmp_path, load_case("case-c", ["epochs=2"]))
    assert find_subject(str(changed), tmp_path).reference == str(changed / "case.yaml")
    (changed / "overrides.txt").write_text("epochs=2\n")
    assert find_subject(str(changed), tmp_path).overrides == ("epochs=2",)


def test_a_name_that_means_nothing_or_many_things_is_refused_with_what_there_is(tmp_path: Path) -> None:
    record_run(tmp_path, make_case(name="mine"))
    record_run(tmp_path, make_case(name="mine"))
    with pytest.raises(RunError, match="'mine' means 2 runs; name one of them: mine/"):
        find_subject("mine", tmp_path)
    with pytest.raises(
        UsageError,
        match=r"no case 'nothing'; there are case-a, case-b.*is called 'nothing'; there are runs of mine",
    ):
        find_subject("nothing", tmp_path)


def test_a_broken_case_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("extends: case-c\nepochs: many\n")
    with pytest.raises(CaseError, match="epochs"):
        find_subject(str(path), tmp_path)
