"""What celu's commands have beyond Typer's: help that is whole at any width, and a word on keys written as options."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from celu_cli.errors import UsageError
from celu_cli.text import hold, release

_Formatter: Any = typer.Context.formatter_class
_VALUES = {"str": "TEXT"} | dict.fromkeys(("int", "int range"), "N")
_VALUES |= dict.fromkeys(("float", "float range", "list[float]"), "NUMBER")


class _WholeWords(_Formatter):  # type: ignore[misc]  # typer's, which is click's or a copy of it
    """Breaks lines at neither the hyphen of an option nor inside a command to be copied; names no type of Python."""

    def write_text(self, text: str) -> None:
        super().write_text(hold(text))

    def write_dl(self, rows: Sequence[tuple[str, str]], *args: Any, **options: Any) -> None:
        super().write_dl([(_plain(name), hold(text)) for name, text in rows], *args, **options)

    def getvalue(self) -> str:
        return release(super().getvalue())


def _bracketed(piece: str) -> str:
    """An argument of the usage without Typer's brackets and dots around those that its name has, or braces."""
    name = re.fullmatch(r"(?:\{|\[(?=\[))(.*)[]}](\.\.\.)?", piece)
    return name[1].removesuffix("...") + (name[2] or "") if name else piece


def _plain(name: str) -> str:
    """An argument by its name alone, an option with what its value is."""
    name, _, kind = name.removesuffix(">").partition(" <")
    return f"{name} {_VALUES.get(kind, kind)}" if kind and name.startswith("-") else name


class Command(TyperCommand):
    """A command whose help can be read and copied at any width, and that knows keys written as options."""

    def get_help(self, ctx: Any) -> str:
        """The help, as wide as the terminal."""
        ctx.formatter_class = _WholeWords
        return super().get_help(ctx)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words behind the command's name."""
        return [_bracketed(piece) for piece in super().collect_usage_pieces(ctx)]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of the command line.

        Raises:
            UsageError: one is a key of a case that is written as an option.
        """
        if any(parameter.name == "overrides" for parameter in self.params):
            known = {name for parameter in self.params for name in parameter.opts + parameter.secondary_opts}
            for word, following in zip_longest(args, args[1:], fillvalue=""):
                if word == "--":
                    break
                if word.startswith("--") and word.partition("=")[0] not in known:
                    _refuse_key(word, following)
        return super().parse_args(ctx, args)


def _refuse_key(option: str, following: str) -> None:
    from celu_cli.case.reading.explain import key_of_option  # here, because `celu --help` needs no pydantic

    name, equals, value = option.partition("=")
    if key := key_of_option(name):
        value = value if equals else "" if following.startswith("-") else following
        hint = f"{key}={value or 'VALUE'}"
        raise UsageError(f"there is no option {name}; a value of the case is not an option: write {hint}")


class Group(TyperGroup):
    """A group of such commands, each with the whole first sentence of its help."""

    def get_help(self, ctx: Any) -> str:
        """The help, as wide as the terminal."""
        ctx.formatter_class = _WholeWords
        return super().get_help(ctx)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The commands in the order of their registration."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, self.commands[name].get_short_help_str(10_000)) for name in self.list_commands(ctx)]
            )
