"""Damage of the kinds that files suffer."""

from __future__ import annotations

import random
from collections.abc import Iterator


def damaged(content: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """`count` copies, each with one bit flipped or cut short; half of them in the first or last 100 bytes."""
    choose = random.Random(seed)
    edges = [*range(min(100, len(content))), *range(max(0, len(content) - 100), len(content))]
    for number in range(count):
        place = choose.choice(edges) if number % 2 else choose.randrange(len(content))
        copy = bytearray(content)
        copy[place] ^= 1 << choose.randrange(8)
        yield bytes(copy[:place]) if number % 5 == 0 else bytes(copy)
