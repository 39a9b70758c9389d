"""Words in messages: the nearest accepted one, and text that is safe to print."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


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
