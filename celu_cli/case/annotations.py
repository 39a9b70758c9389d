"""What the schema's fields say beside their types: what a key is for, limits of float32, a bare name for a mapping."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


class Role(Enum):
    """What a key of a case is for. A key without a role decides what is trained."""

    LABEL = "names or describes one case; a case that extends it does not inherit it"
    COMPARISON = "is drawn beside the run"
    MEASUREMENT = "is measured while training, which takes the same way without it"
    SEED = "draws weights and batches: runs that differ in it alone repeat each other"


# A number between these and its inverse are both normal float32 numbers; smaller ones TensorFlow takes for 0.
SMALLEST = 2.0**-126
LARGEST = 2.0**126
SIZES = f"of a size from {SMALLEST:.2g} to {LARGEST:.2g}, which float32 can hold"


def fits_float32(value: float) -> bool:
    """Whether `value` is 0 or neither too small nor too large for a float32."""
    return value == 0 or SMALLEST <= abs(value) <= LARGEST


@dataclass(frozen=True)
class Float32:
    """Refuses what a float32 cannot hold, and what it would round up to `below`."""

    below: float | None = None

    def problem(self, value: float) -> str:
        """What else is asked of `value`, as the end of "a number, above 0 and …"; empty where it fits."""
        if not fits_float32(value):
            return SIZES
        if self.below is not None and value < self.below <= struct.unpack("f", struct.pack("f", value))[0]:
            return "so when rounded to float32"
        return ""

    def check(self, value: float) -> float:
        """`value` as it is; ValueError where it does not fit."""
        if problem := self.problem(value):
            raise ValueError(problem)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema  # not at the top: `celu --help` needs no pydantic

        return core_schema.no_info_after_validator_function(self.check, handler(source))


@dataclass(frozen=True)
class Shorthand:
    """Lets a bare name stand for a mapping with only `key`, as in ``optimizer: adam``.

    A mapping without `key` is of the kind `default` where there is one, so that
    ``schedule: {warm_up_epochs: 5}`` is enough.
    """

    key: str
    default: str | None = None

    def expand(self, value: Any) -> Any:
        """The mapping that `value` stands for; anything but a text or a mapping as it is."""
        if isinstance(value, str):
            return {self.key: value}
        if isinstance(value, dict) and self.key not in value and self.default is not None:
            return {self.key: self.default, **value}
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(self.expand, handler(source))
