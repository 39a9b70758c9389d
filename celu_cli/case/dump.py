"""A case as YAML that loads again to the same case."""

from __future__ import annotations

import yaml

from celu_cli.case.annotations import Role
from celu_cli.case.reading.document import resolve_scalar
from celu_cli.case.schema import Case, keys_with_role


class _Dumper(yaml.SafeDumper):
    """Quotes every text that celu or a YAML 1.1 reader would take for something else."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    plain = text.isprintable() and isinstance(resolve_scalar(text), str)
    style = None if plain else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


def _layers(dumper: _Dumper, layers: tuple[object, ...]) -> yaml.SequenceNode:
    """One line a layer."""
    node = dumper.represent_sequence("tag:yaml.org,2002:seq", layers, flow_style=False)
    for layer in node.value:
        layer.flow_style = True
    return node


_Dumper.add_representer(str, _text)
_Dumper.add_representer(tuple, _layers)


def dump_case(case: Case) -> str:
    """`case` with every default written out, in the schema's order; what is null or empty is left out."""
    values = case.model_dump(mode="python", exclude_none=True)
    for key in keys_with_role(Role.LABEL):
        if not values[key]:
            del values[key]
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
