"""Text in messages: the nearest accepted word, times and paths, and what is safe to print."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path


def nearest_word(word: str, words: Iterable[str]) -> str | None:
    """The accepted word a person most likely meant, if any is near."""
    near = get_close_matches(word.lower(), list(words), n=1)
    return near[0] if near else None


def shortened(text: str, most: int = 60) -> str:
    """`text`, its end left out where it is longer than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def printable(text: str) -> str:
    """`text` on one line, with nothing that a terminal would obey instead of show."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def shown(path: Path) -> str:
    """A path as people write it: relative to the working directory where it lies inside it."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except (OSError, RuntimeError, ValueError):
        return str(path)


def iso_time(time: datetime) -> str:
    """UTC to the second, as in 2026-11-23T14:05:09Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(seconds: float) -> str:
    """Time in hours, minutes and seconds: 0:07, 12:30, 3:05:00."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
