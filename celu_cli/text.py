"""Text: the nearest accepted word, times and paths, what is safe to print and how it is wrapped, and JSON."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from textwrap import wrap
from typing import Any

_LARGE = 1e6  # what runs into digits that say nothing


def nearest_word(word: str, words: Iterable[str]) -> str | None:
    """The accepted word that the user most likely meant, if any is near."""
    near = get_close_matches(word.lower(), list(words), n=1)
    return near[0] if near else None


def did_you_mean(word: object, words: Iterable[str]) -> str:
    """The nearest of `words` as the end of a message; empty where none is near."""
    near = nearest_word(word, words) if isinstance(word, str) else None
    return f"; did you mean {near}?" if near else ""


def listed(names: Iterable[str], most: int = 12, between: str = ", ") -> str:
    """The first of `names`, and how many more there are: "a, b and 3 more"."""
    texts = list(names)
    rest = len(texts) - most
    more = f"{' ' if between == ', ' else between}and {rest} more" if rest > 0 else ""
    return between.join(texts[:most]) + more


def four_decimals(value: float) -> str:
    """As in "2.3026"; a loss that blew up is "6.946e+29" instead of thirty digits."""
    return f"{value:.4f}" if not abs(value) >= _LARGE else f"{value:.3e}"


def joined(words: Sequence[str]) -> str:
    """As in "a", "a and b" and "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), *words[-1:]] if len(words) > 1 else words)


def shortened(text: str, most: int = 60) -> str:
    """`text`, its end left out where it is longer than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def counted(number: int, what: str) -> str:
    """As in "1 run" and "1,200 runs"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """`text` on one line, with nothing that a terminal would obey instead of show."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def shown(path: Path) -> str:
    """A path as users write it: relative to the working directory where it lies inside it."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except (OSError, RuntimeError, ValueError):
        return str(path)


def celu_command(*words: str | Path) -> str:
    """The command ``celu`` with `words`, as a shell takes it."""
    return shlex.join(["celu", *map(str, words)])


# A command to be copied: in backquotes, or from a colon to the end of its line.
_COMMAND = re.compile(r"`[^`\n]*`|(?<=: )celu .*")
_HELD = {" ": "\x00", "-": "\x01"}


def hold(text: str) -> str:
    """`text` with its commands and hyphenated words in one piece for whatever wraps it; `release` undoes it."""
    whole = _COMMAND.sub(lambda command: command[0].replace(" ", _HELD[" "]), text)
    return whole.replace("-", _HELD["-"])


def release(text: str) -> str:
    """What `hold` was given."""
    for character, held in _HELD.items():
        text = text.replace(held, character)
    return text


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` characters; a word or command that is longer has a longer line."""
    return [release(line) for line in wrap(hold(text), max(20, width), break_long_words=False)]


def iso_time(time: datetime) -> str:
    """UTC to the second, as in 2026-11-23T14:05:09Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(seconds: float) -> str:
    """Time in hours, minutes and seconds: 0:07, 12:30, 3:05:00; a dash where it is not known."""
    if not isfinite(seconds):
        return "-"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def finite(value: Any) -> Any:
    """`value` with None for every NaN and infinity in it, which JSON does not have."""
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def json_text(value: Any, indent: int | None = 2, default: Callable[[Any], Any] | None = None) -> str:
    """`value` as JSON, `finite`; what JSON has no type for becomes what `default` makes of it."""
    return json.dumps(finite(value), indent=indent, allow_nan=False, default=default)
