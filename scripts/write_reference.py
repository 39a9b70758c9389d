"""Write docs/cases.md from the schema, docs/commands.md from the commands, docs/python.md from the docstrings.

Usage: python scripts/write_reference.py [DIRECTORY]
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

import celu_cli
from celu_cli.case.activations import ALPHA, alpha_rule
from celu_cli.case.json_schema import case_json_schema
from celu_cli.case.reading.kinds import parts_in
from celu_cli.case.schema import Case
from celu_cli.cli.app import command_line

HEADING = ["value", "default", "meaning"]
# Where a part stands in a case, and its classes with the word by which a reader distinguishes them.
SECTIONS = {
    "dataset": {"DatasetSpec": "dataset"},
    "network": {"PresetNetwork": "preset", "LayeredNetwork": "layers"},
    "network.layers": {"LayerSpec": "layer"},
    "network.initializer": {
        "NormalInitializer": "normal",
        "ScaledInitializer": "he_normal, lecun_normal, glorot_uniform",
    },
    **{
        key: {part.__name__: name for name, part in parts_in(Case.model_fields[key].annotation).items()}
        for key in ("backprop", "optimizer", "schedule")
    },
}
CASES_HEAD = """\
# What a case may say

A case is a YAML file (of YAML 1.2: only `true` and `false` are booleans, and `1e-3` is a number). Where a part has a
name or a method, that word is enough: `optimizer: adam` is `optimizer: {name: adam}`.

`extends` names another case, from which all other keys are taken; keys in this file win, and mappings are merged. Where
this file gives a part another name, such as another optimizer, the part starts afresh and keeps nothing of the old one.
Overrides on the command line, such as `optimizer.learning_rate=1e-3`, are laid over the file in the same way.

`celu new FILE` writes a case in which every key is explained and has its usual value as a comment, and `celu show FILE`
shows what a case amounts to.

Written from the schema by `scripts/write_reference.py`.

## Examples

**One change.** Everything else is as in case-c:

```yaml
extends: case-c
description: GELU instead of CELU
activation: gelu
alpha: null        # gelu has none
published: null    # its curve is of CELU
```

**From nothing.** A case must say dataset, optimizer and epochs; what is left out has its default:

```yaml
description: AdamW, warmed up, then half a cosine down to a hundredth
dataset: {name: mnist, hold_out: 10000}
network: {preset: article-7, filters: 32, initializer: he_normal}
activation: relu
optimizer: {name: adamw, learning_rate: 2e-3, weight_decay: 1e-2}
schedule: {name: cosine, warm_up_epochs: 1, final_factor: 0.01}
epochs: 12
batch_size: 200
```

**Layers of your own.** Each is a convolution (stride 1, SAME), an activation, a residual sum where there is one, and a
pool where there is one. The pools must take the image down to 1 x 1, and the last layer has a filter for each class:
32 x 32 is pooled to 16, 8 and 4 here, and by the last layer to 1.

```yaml
description: five layers, one of them residual, the last without an activation
dataset: cifar10
network:
  initializer: he_normal
  layers:
    - {kernel: 5, filters: 32, pool: max}
    - {kernel: 3, filters: 64, pool: max}
    - {kernel: 3, filters: 64, residual: 1}                  # its input and its output are 8 x 8 x 64
    - {kernel: 3, filters: 64, pool: average, alpha: 0.5}    # CELU with another alpha than the others
    - {kernel: 1, filters: 10, pool: average, pool_size: 4, activation: identity}
activation: celu
alpha: 1
optimizer: adam
epochs: 20
```

A case that extends another and gives `layers` has those layers instead of the other's, never a mixture; on the command
line, one is changed by its number: `'network.layers[3].residual=0.5'`.

**Other gradients, measured.** Skip gradients of the article's dilated backprop, compared with the true gradient every
100 steps:

```yaml
extends: case-d
backprop: {method: dilated, rate: 1e-3, decay: 1}
fidelity: {every: 100}
seed: 3
```
"""
COMMANDS_HEAD = """\
# Commands

Results go to stdout, progress and messages to stderr. Exit codes: 0 done, 1 a bug, 2 wrong usage or case, 3 data
unavailable or corrupt, 4 training diverged or a gradient is wrong, 130 interrupted, 143 terminated.

Written from the commands themselves by `scripts/write_reference.py`.
"""

PYTHON_HEAD = """\
# celu in Python

`import celu_cli as celu` offers what the command line does, as functions and plain values; the [notebook](celu.ipynb)
uses them (to open it: `pip install jupyterlab pandas`). What stands here is promised: it changes only with the major
version. Importing celu costs next to nothing: TensorFlow is loaded by the first function that computes. Errors are
`CeluError`, with the command line's texts.

```python
import celu_cli as celu

case = celu.load_case("case-b", "dataset.sample=true", "network.filters=8", "epochs=2")
run = celu.train(case, logs="logs").finish()
print(run.metrics.last.test_accuracy)
print(celu.epochs_frame(celu.read_runs(logs="logs")))
```

Written from the docstrings by `scripts/write_reference.py`.
"""


def python_page() -> str:
    """Markdown with signature and docstring of everything that `celu_cli` promises."""
    parts = [PYTHON_HEAD]
    functions = [name for name in celu_cli.__all__ if inspect.isfunction(getattr(celu_cli, name))]
    for name in functions:
        parts.append(entry("##", name, getattr(celu_cli, name)))
    for name in celu_cli.__all__:
        if name in functions:
            continue
        parts.append(entry("##", name, getattr(celu_cli, name), signature=False))
        if name == "Training":
            parts += [
                entry("###", f"Training.{key}", getattr(celu_cli.Training, key)) for key in ("finish", "stop")
            ]
    return "\n".join(parts)


def entry(level: str, name: str, thing: Any, signature: bool = True) -> str:
    """A heading, the signature where there is one, and the docstring with its errors as a list."""
    text, _, errors = (inspect.getdoc(thing) or "").partition("\n\nRaises:\n")
    parts = [f"{level} {name}\n"]
    if signature:
        given = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(thing)))
        given = given.replace("self, ", "").replace("(self)", "()")
        parts.append(f"```python\n{name}{given}\n```\n")
    parts.append(f"{text}\n")
    if errors:
        listed = re.sub(r"\n {2,}(?! *\w+:)", " ", inspect.cleandoc(errors))
        parts.append("".join(f"- raises `{line.replace(':', '`:', 1)}\n" for line in listed.splitlines()))
    return "\n".join(parts)


def cases_page() -> str:
    """Markdown with a table of keys for the top level and for each part."""
    schema = case_json_schema()
    parts = [
        CASES_HEAD,
        "## Top level\n",
        table(["key", *HEADING], [[f"`{k}`", *row] for k, row in keys(schema)]),
    ]
    rows = [[f"`{name}`", alpha.meaning, f"{alpha.default:g}"] for name, alpha in ALPHA.items() if alpha]
    rows += [[f"`{name}`", "has none", ""] for name, alpha in ALPHA.items() if not alpha]
    own = alpha_rule("FILE.py:NAME")
    rows += (
        [["[one of your own](extending.md), `FILE.py:NAME`", own.meaning, f"{own.default:g}"]] if own else []
    )
    parts += ["## Activations and alpha\n", table(["activation", "alpha", "default"], rows)]
    for key, kinds in SECTIONS.items():
        parts += [f"## {key}\n", section({kind: schema["$defs"][name] for name, kind in kinds.items()})]
    return "\n".join(parts)


def section(kinds: dict[str, dict[str, Any]]) -> str:
    """What the kinds of a part are, and one table of their keys; kinds that agree on a key share its row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for kind, definition in kinds.items():
        for key, row in keys(definition):
            rows.setdefault((f"`{key}`", *row), []).append(kind)
    meanings = "".join(f"- **{kind}**: {definition['description']}\n" for kind, definition in kinds.items())
    shared = [
        [*row, "all" if len(owners) == len(kinds) > 1 else ", ".join(owners)] for row, owners in rows.items()
    ]
    return meanings + "\n" + table(["key", *HEADING, "of"], shared)


def keys(definition: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Each key of a part with its values, default and meaning; not the key that distinguishes the kinds."""
    for key, rule in definition["properties"].items():
        distinguishes = "const" in rule or (
            key == "name" and "enum" in rule and len(definition["properties"]) == 1
        )
        if not distinguishes:
            section_of = next((name for name in SECTIONS if name.split(".")[-1] == key), None)
            value = f"see [{section_of}](#{section_of.replace('.', '')})" if section_of else value_of(rule)
            default = json.dumps(rule["default"]) if "default" in rule else ""
            yield key, [value, default, rule.get("description", "")]


def table(heading: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    lines = [heading, ["---"] * len(heading), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def value_of(rule: dict[str, Any]) -> str:
    """The values that a rule of the schema accepts, in words."""
    if "anyOf" in rule:
        return " or ".join(value_of(choice) for choice in rule["anyOf"])
    if "enum" in rule:
        return ", ".join(f"`{word}`" for word in rule["enum"])
    bounds = [
        f"{sign} {rule[key]:,}"
        for key, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("exclusiveMaximum", "<"),
        )
        if key in rule and rule[key] < 2**31 - 1  # the largest integers say nothing to a reader
    ]
    if "examples" in rule:
        return " or ".join(f"a text such as `{example}`" for example in rule["examples"])
    if "type" not in rule:
        return f"see [{rule['$ref'].rsplit('/')[-1]}]"
    return " ".join([{"array": "list"}.get(rule["type"], rule["type"]), *bounds])


def commands_page() -> str:
    """Markdown with usage, arguments and options of every command."""
    parts = [COMMANDS_HEAD]
    for name, command in commands_of(typer.main.get_command(command_line())):
        parts.append(f"## {name}\n\n{command.help.strip()}\n")
        rows = [
            [f"`{parameter_name(parameter)}`", default_of(parameter), (parameter.help or "").strip()]
            for parameter in command.params
        ]
        if rows:
            parts.append(table(["argument or option", "default", "meaning"], rows))
    return "\n".join(parts)


def commands_of(command: Any, name: str = "celu") -> Iterator[tuple[str, Any]]:
    """Every command below `command` with its full name; groups such as `celu data` come after single commands."""
    if not hasattr(command, "commands"):
        yield name, command
        return
    for word, inner in sorted(command.commands.items(), key=lambda item: hasattr(item[1], "commands")):
        yield from commands_of(inner, f"{name} {word}")


def parameter_name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    return ", ".join([*parameter.opts, *parameter.secondary_opts])


def default_of(parameter: Any) -> str:
    shown = parameter.default not in (None, False) and not callable(parameter.default)
    variable = f"${parameter.envvar}" if parameter.envvar else ""
    return str(parameter.default) if shown else variable


def main() -> None:
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs"
    (directory / "cases.md").write_text(cases_page(), encoding="utf-8")
    (directory / "commands.md").write_text(commands_page(), encoding="utf-8")
    (directory / "python.md").write_text(python_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
