"""The bare word that stands for a mapping, as an annotation of the schema's fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class Word:
    """Lets a bare word stand for a mapping with only `key`, as in ``optimizer: adam``.

    A mapping without `key` is of the kind `default` where there is one, so that
    ``schedule: {warm_up_epochs: 5}`` is enough.
    """

    key: str
    default: str | None = None

    def expand(self, value: Any) -> Any:
        """The mapping that `value` stands for; what is no word or mapping as it is."""
        if isinstance(value, str):
            return {self.key: value}
        if isinstance(value, dict) and self.key not in value and self.default is not None:
            return {self.key: self.default, **value}
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.expand, handler(source))
