from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from celu_cli.case.load import load_case, resolve_case
from celu_cli.case.reading.overrides import FlagOverride
from celu_cli.case.schema import (
    Adam,
    AMSGrad,
    AutoBackprop,
    Case,
    ConstantSchedule,
    DilatedBackprop,
    LayeredNetwork,
    ManualBackprop,
    NormalInitializer,
    PresetNetwork,
)
from celu_cli.errors import CaseError
from celu_cli.sweep.plan import make_plan
from celu_cli.sweep.request import read_request

FORM = "write key=value, such as epochs=5, optimizer.learning_rate=1e-3 or backprop=auto"
SMALL = "dataset: mnist\noptimizer: {name: adam, learning_rate: 1e-2, beta_1: 0.8}\nepochs: 5\n"
LAYERS = "network.layers=[{kernel: 28, filters: 10, pool: max, pool_size: 28}]"


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: str, text: str) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def refusal(reference: str | Path, *overrides: str) -> str:
    with pytest.raises(CaseError) as caught:
        load_case(reference, overrides)
    return str(caught.value)


def test_a_case_is_named_after_its_file() -> None:
    write("mine.yaml", SMALL)
    assert load_case("mine.yaml").name == "mine"
    assert load_case(Path("mine.yaml"), ["name=other"]).name == "other"


def test_a_whole_number_is_taken_where_a_number_is_asked() -> None:
    case = load_case("case-c", ["alpha=1"])
    assert case.alpha == 1.0
    assert isinstance(case.alpha, float)


def test_a_byte_order_mark_and_windows_line_ends_are_no_trouble() -> None:
    Path("mine.yaml").write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load_case("mine.yaml").epochs == 5


class TestNames:
    def test_a_case_in_cases_goes_before_the_shipped_one(self) -> None:
        write("cases/case-c.yaml", SMALL)
        assert load_case("case-c").epochs == 5
        assert load_case("case-b").epochs == 51

    def test_a_case_that_extends_its_own_name_means_the_shipped_one(self) -> None:
        write("cases/case-c.yaml", "extends: case-c\nepochs: 2\n")
        case = load_case("case-c")
        assert (case.epochs, case.batch_size, case.optimizer.name) == (2, 100, "amsgrad")

    def test_extends_looks_beside_the_file_first(self) -> None:
        write("elsewhere/base.yaml", SMALL)
        write("elsewhere/child.yaml", "extends: base\nseed: 1\n")
        write("cases/base.yaml", SMALL.replace("5", "7"))
        assert load_case("elsewhere/child.yaml").epochs == 5

    def test_an_extended_path_is_relative_to_the_file(self) -> None:
        write("one/base.yaml", SMALL)
        write("two/child.yaml", "extends: ../one/base.yaml\n")
        assert load_case("two/child.yaml").epochs == 5


class TestExtends:
    def test_the_name_and_description_are_not_inherited(self) -> None:
        write("base.yaml", SMALL + "name: grand\ndescription: the base\n")
        write("child.yaml", "extends: base\n")
        case = load_case("child.yaml")
        assert (case.name, case.description) == ("child", "")

    def test_an_error_in_the_parent_is_located_in_the_parent(self) -> None:
        write("base.yaml", SMALL + "batch_size: 0\n")
        write("child.yaml", "extends: base\nseed: -1\n")
        assert refusal("child.yaml").splitlines() == [
            "child.yaml has 2 errors:",
            "child.yaml:2:7: seed: -1 given; accepted: a whole number, at least 0",
            "base.yaml:4:13: batch_size: 0 given; accepted: a whole number, at least 1",
        ]

    def test_what_does_not_fit_together_is_located_in_the_file_that_said_it(self) -> None:
        write("base.yaml", SMALL + "alpha: 2\n")
        write("child.yaml", "extends: base\nactivation: relu\n")
        assert refusal("child.yaml") == (
            "base.yaml:4:8: alpha: relu has no alpha: leave it out, or say alpha: null (alpha=null as an override)"
        )

    def test_the_files_of_a_case_are_known(self) -> None:
        write("base.yaml", SMALL)
        write("middle.yaml", "extends: base\n")
        write("top.yaml", "extends: middle\n")
        assert [path.name for path in resolve_case("top.yaml").files] == [
            "top.yaml",
            "middle.yaml",
            "base.yaml",
        ]

    def test_a_long_chain_is_followed(self) -> None:
        write("case-0.yaml", SMALL)
        for number in range(1, 200):
            write(f"case-{number}.yaml", f"extends: case-{number - 1}\n")
        assert load_case("case-199.yaml").epochs == 5


class TestKinds:
    """Fields of a part belong to its kind: another kind starts afresh, the same kind keeps them."""

    def test_another_optimizer_starts_from_its_own_defaults(self) -> None:
        assert load_case("case-c", ["optimizer=adam"]).optimizer == Adam(name="adam")

    def test_the_same_optimizer_keeps_its_settings(self) -> None:
        write("mine.yaml", SMALL)
        expected = Adam(name="adam", learning_rate=1e-2, beta_1=0.8)
        assert load_case("mine.yaml", ["optimizer=adam"]).optimizer == expected
        assert load_case("mine.yaml", ["optimizer.name=adam"]).optimizer == expected

    @pytest.mark.parametrize("turned", [False, True])
    def test_no_order_of_overrides_loses_a_value(self, turned: bool) -> None:
        def load(reference: str, *overrides: str) -> Case:
            return load_case(reference, overrides[::-1] if turned else overrides)

        adam = Adam(name="adam", learning_rate=0.5)
        assert load("case-c", "optimizer=adam", "optimizer.learning_rate=0.5").optimizer == adam
        assert load("case-c", "optimizer.name=adam", "optimizer.learning_rate=0.5").optimizer == adam
        assert load("case-c", "optimizer={name: adam}", "optimizer.learning_rate=0.5").optimizer == adam
        sample = load("case-c", "dataset=mnist", "dataset.sample=true").dataset
        assert (sample.name, sample.sample) == ("mnist", True)
        initializer = load(
            "case-c", "network.initializer=normal", "network.initializer.standard_deviation=0.1"
        )
        assert initializer.network.initializer == NormalInitializer(standard_deviation=0.1)
        with pytest.raises(CaseError, match=r'network.filters=16": network.filters: unknown key'):
            load("case-a", LAYERS, "network.filters=16")
        with pytest.raises(CaseError, match=r'maximum=tensor": optimizer.maximum: unknown key'):
            load("case-a", "optimizer=sgd", "optimizer.maximum=tensor")

    def test_of_two_values_for_a_key_the_later_counts(self) -> None:
        case = load_case("case-c", ["epochs=1", "optimizer=sgd", "epochs=2", "optimizer.name=adam"])
        assert (case.epochs, case.optimizer) == (2, Adam(name="adam"))

    def test_one_field_of_a_part_is_changed_alone(self) -> None:
        optimizer = load_case("case-c", ["optimizer.maximum=elementwise"]).optimizer
        assert optimizer == AMSGrad(
            name="amsgrad", maximum="elementwise", learning_rate=8e-4, beta_1=0.9, beta_2=0.9, epsilon=1e-8
        )

    def test_a_word_for_backprop_drops_what_belonged_to_the_other_method(self) -> None:
        assert load_case("case-d", ["backprop=auto"]).backprop == AutoBackprop(method="auto")
        assert load_case("case-d", ["backprop=manual"]).backprop == ManualBackprop()
        assert load_case("case-c", ["backprop.method=dilated"]).backprop == DilatedBackprop(method="dilated")

    def test_another_dataset_drops_the_hold_out(self) -> None:
        assert load_case("case-a").dataset.hold_out == 5000
        assert load_case("case-a", ["dataset=cifar10"]).dataset.hold_out == 0
        assert load_case("case-a", ["dataset.sample=true"]).dataset.hold_out == 5000

    def test_layers_replace_a_preset_and_a_preset_replaces_layers(self) -> None:
        assert isinstance(load_case("case-a", [LAYERS]).network, LayeredNetwork)
        write("layered.yaml", "extends: case-a\nnetwork: {layers: [{kernel: 28, filters: 10, pool: max}]}\n")
        back = load_case("layered.yaml", ["network=article-7", "network.filters=16"])
        assert back.network == PresetNetwork(filters=16)

    def test_filters_without_a_preset_do_not_replace_layers_unasked(self) -> None:
        assert refusal("case-a", LAYERS, "network.filters=16") == (
            'override 2 "network.filters=16": network.filters: unknown key; '
            "accepted here: layers, initializer; it cannot stand beside layers"
        )

    def test_a_part_without_a_kind_is_of_the_default_kind(self) -> None:
        schedule = load_case("case-c", ["schedule.warm_up_epochs=3"]).schedule
        assert schedule == ConstantSchedule(warm_up_epochs=3.0)
        assert (
            load_case("case-c", ["network.initializer.standard_deviation=0.1"]).network.initializer.name
            == "normal"
        )

    def test_the_initializer_changes_kind_inside_the_network(self) -> None:
        network = load_case("case-c", ["network.filters=8", "network.initializer=he_normal"]).network
        assert isinstance(network, PresetNetwork)
        assert (network.filters, network.initializer.name) == (8, "he_normal")


class TestOverrides:
    @pytest.mark.parametrize(
        ("override", "message"),
        [
            ("epochs", f'"epochs": no value; {FORM}'),
            ("=5", f"\"=5\": '' is not a key; {FORM}"),
            ("epochs=", '"epochs=": epochs: no value after =; write null for none'),
            ("epochs=five", "\"epochs=five\": epochs: 'five' given; accepted: a whole number, at least 1"),
            ("epoch=5", '"epoch=5": epoch: unknown key; accepted here: <keys>; did you mean epochs?'),
            (
                "extends=case-b",
                '"extends=case-b": extends: cannot be overridden; name the other case instead',
            ),
            ("alpha=[", '"alpha=[": alpha: not valid YAML: a value is missing here'),
            (
                "epochs.more=1",
                '"epochs.more=1": epochs: a mapping given; accepted: a whole number, at least 1',
            ),
        ],
    )
    def test_a_bad_override_is_quoted_with_its_number(self, override: str, message: str) -> None:
        start, _, end = message.partition("<keys>")
        text = refusal("case-c", override)
        assert text.startswith(f"override 1 {start}")
        assert text.endswith(end)

    def test_errors_of_the_file_and_of_all_overrides_come_together(self) -> None:
        write("mine.yaml", SMALL + "seed: -1\n")
        assert refusal("mine.yaml", "epochs=0", "alpha=x", "lr=1").splitlines()[1:] == [
            "mine.yaml:4:7: seed: -1 given; accepted: a whole number, at least 0",
            'override 1 "epochs=0": epochs: 0 given; accepted: a whole number, at least 1',
            "override 2 \"alpha=x\": alpha: 'x' given; accepted: a number, or null",
            refusal("case-c", "lr=1").replace("override 1", "override 3"),
        ]

    def test_null_takes_a_value_away(self) -> None:
        assert load_case("case-c", ["activation=relu", "alpha=null"]).alpha is None
        assert load_case("case-c", ["published=null"]).published is None

    def test_values_are_read_as_in_a_file(self) -> None:
        case = load_case(
            "case-c", ["optimizer={name: sgd, learning_rate: 1e-3}", "description='5'", "seed=0x10"]
        )
        assert (case.optimizer.learning_rate, case.description, case.seed) == (1e-3, "5", 16)

    def test_a_long_override_is_quoted_in_part(self) -> None:
        text = refusal("case-c", f"description=[{'x' * 200}]")
        assert text == (f'override 1 "description=[{"x" * 44}...": description: a list given; accepted: text')

    @pytest.mark.parametrize(
        "text", ["attempt #2", "a: b", "- a", "50 % & more", "*a", "!x", "| a", "it's", "a {b", "%x", "@x"]
    )
    def test_a_value_is_its_text_and_not_a_line_of_yaml(self, text: str) -> None:
        assert load_case("case-c", [f"description={text}"]).description == text

    def test_what_stands_behind_a_quoted_value_is_refused_and_not_lost(self) -> None:
        assert refusal("case-c", "description='attempt' #2") == (
            "override 1 \"description='attempt' #2\": description: '#2' stands behind the value; put it inside the "
            "brackets or quotes"
        )
        assert load_case("case-c", ["description='attempt #2'"]).description == "attempt #2"

    @pytest.mark.parametrize(
        ("override", "hint"),
        [
            ("alpha=0,5", "write 0.5"),
            ("alpha=1,500", "write 1500"),
            ("network.residual=-1,25", "write -1.25"),
            ("epochs=1,000", "write 1000"),
            ("epochs=1_000", "write 1000"),
            ("epochs=1,5", None),
            ("epochs=5.0", "write 5"),
            ("description=2024", "write it in quotes: \"description='2024'\""),
            ("description=true", "write it in quotes: \"description='true'\""),
            ("dataset.sample=yes", "write true"),
        ],
    )
    def test_what_a_hint_says_works_when_it_is_typed(self, override: str, hint: str | None) -> None:
        text = refusal("case-c", override)
        assert text.partition("; write ")[2] == (hint or "").removeprefix("write ")
        if hint is not None:
            key, typed = (
                override.partition("=")[0],
                hint.removeprefix("write it in quotes: ").removeprefix("write "),
            )
            [word] = shlex.split(typed)
            load_case("case-c", [word if "=" in word else f"{key}={word}"])

    @pytest.mark.parametrize(
        "override",
        [
            "seed=1,2,3",
            "seed=1,2",
            "seed=[1, 2]",
            "seed=0..4",
            "alpha=0.5,1,2,4",
            "alpha=0.5, 1",
            "optimizer.learning_rate=log:1e-4:1e-1:7",
            "optimizer=adam,sgd",
            "backprop=auto,manual",
            "activation=celu,elu",
            "dataset.sample=true,false",
        ],
    )
    def test_several_values_are_refused_with_the_sweep_of_them(self, override: str) -> None:
        text = refusal("case-a", override)
        assert "; write" not in text
        [*command, case, swept] = shlex.split(text.partition("; for a run of each value: ")[2])
        assert (command, case) == (["celu", "sweep"], "CASE")
        assert len(make_plan(read_request(["case-a", swept])).cells) >= 2

    def test_an_item_of_a_list_is_changed_by_its_number_as_messages_write_it(self) -> None:
        write(
            "layered.yaml", f"extends: case-a\nnetwork: {{{LAYERS.partition('.')[2].replace('=', ': ')}}}\n"
        )
        for overrides in (
            ["network.layers[1].kernel=14", "network.layers[1].pool=average"],
            ["network.layers[1]={kernel: 14, filters: 10, pool: average, pool_size: 28}"],
        ):
            network = load_case("layered.yaml", overrides, to_train=False).network
            assert isinstance(network, LayeredNetwork)
            assert network.layers[0].kernel == 14
        for overrides in ([LAYERS, "network.layers[1].alpha=3"], ["network.layers[1].alpha=3", LAYERS]):
            network = load_case("case-a", overrides).network
            assert isinstance(network, LayeredNetwork)
            assert network.layers[0].alpha == 3.0

    def test_the_number_of_an_item_that_is_not_there_is_refused(self) -> None:
        write(
            "layered.yaml", f"extends: case-a\nnetwork: {{{LAYERS.partition('.')[2].replace('=', ': ')}}}\n"
        )
        for number in (0, 2):
            assert refusal("layered.yaml", f"network.layers[{number}].kernel=1") == (
                f'override 1 "network.layers[{number}].kernel=1": network.layers[{number}]: there is only [1]'
            )
        assert refusal("case-a", "network.layers[1].kernel=1") == (
            'override 1 "network.layers[1].kernel=1": network.layers[1]: the network is a preset; give layers as a '
            "list first"
        )

    def test_an_override_does_not_hide_a_fault_of_the_file(self) -> None:
        flag = FlagOverride.of("--sample", "dataset.sample=true")
        write("wrong.yaml", SMALL.replace("dataset: mnist", "dataset: [mnist]"))
        assert refusal("wrong.yaml", flag) == refusal("wrong.yaml")
        write("lacking.yaml", SMALL.replace("dataset: mnist\n", ""))
        assert (
            refusal("lacking.yaml", flag)
            == "lacking.yaml:1:1: dataset.name: missing; accepted: one of mnist, cifar10"
        )

    def test_a_flag_is_called_by_its_name(self) -> None:
        assert refusal("case-c", "epochs=2", FlagOverride.of("--epochs 0", "epochs=0")) == (
            "--epochs 0: epochs: 0 given; accepted: a whole number, at least 1"
        )
