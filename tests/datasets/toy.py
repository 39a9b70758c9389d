"""A made-up dataset of 8 x 8 images, as a module of `celu_cli.datasets` would define it; runs celu with it registered.

`python -m tests.datasets.toy WORDS...` is `celu WORDS...`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal

from celu_cli.datasets import registry
from celu_cli.datasets.definition import Arrays, Definition, Layout

IMAGES = {"train": 40, "test": 20}
PIXELS = 64
FILES = {
    f"toy-{split}.bin": b"".join(
        bytes([row % 2, *((row * 31 + column * (1 + row % 2)) % 256 for column in range(PIXELS))])
        for row in range(count)
    )
    for split, count in IMAGES.items()
}
"""A record is a label, then the pixels of its image."""


def decode(files: Mapping[str, bytes]) -> Arrays:
    """The two files as the four arrays."""
    import numpy as np

    arrays: Arrays = {}
    for split in IMAGES:
        records = np.frombuffer(files[f"toy-{split}.bin"], np.uint8).reshape(-1, 1 + PIXELS)
        arrays[f"{split}_images"] = records[:, 1:].reshape(-1, 8, 8, 1).copy()
        arrays[f"{split}_labels"] = records[:, 0].copy()
    return arrays


def hashes() -> dict[str, str]:
    """The SHA-256 of the four arrays."""
    parts: dict[str, bytes] = {}
    for split in IMAGES:
        content = FILES[f"toy-{split}.bin"]
        starts = range(0, len(content), 1 + PIXELS)
        parts[f"{split}_images"] = b"".join(content[start + 1 : start + 1 + PIXELS] for start in starts)
        parts[f"{split}_labels"] = bytes(content[start] for start in starts)
    return {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}


TOY = Definition(
    name="toy",
    title="Toy",
    image_shape=(8, 8, 1),
    labels=("dark", "light"),
    train_images=IMAGES["train"],
    test_images=IMAGES["test"],
    sha256=hashes(),
    layouts=(Layout("the two toy files", {file: len(content) for file, content in FILES.items()}, decode),),
    subdirectories=("", "toy"),
    sources=(),
    by_hand="toy-train.bin and toy-test.bin",
)

if __name__ == "__main__":
    # What its line in the registry would do.
    registry.DATASETS["toy"] = TOY
    registry.DatasetName = Literal[tuple(registry.DATASETS)]  # type: ignore[misc]

    from celu_cli.cli.app import main

    main()
