"""Parameters of statements: whatever a caller wrote goes beside the text."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

_PIECE = 60_000
"""Bytes of one parameter; a server takes 128 KB."""


@dataclass(slots=True)
class Parameters:
    """Values of a statement, and how it names them."""

    values: dict[str, Any] = field(default_factory=dict)

    def one(self, value: str | int, kind: str = "String") -> str:
        """A single value."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"{{{name}:{kind}}}"

    def many(self, values: Sequence[Any], kind: str = "String") -> str:
        """A list, in as many parameters as its size takes: of JSON, which a server reads several times sooner than an array."""
        pieces: list[list[bytes]] = [[]]
        size = 0
        for value in values:
            text = to_json(value)
            size += len(text) + text.count(b"\\") + 1  # as it is sent
            if size > _PIECE and pieces[-1]:
                pieces.append([])
                size = len(text) + text.count(b"\\") + 1
            pieces[-1].append(text)
        texts = (f"[{b','.join(piece).decode()}]" for piece in pieces)
        named = [f"JSONExtract({self.one(text)}, 'Array({kind})')" for text in texts]
        return named[0] if len(named) == 1 else f"arrayConcat({', '.join(named)})"
