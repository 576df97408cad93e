"""OpenMeter's filters of texts, held against texts."""

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

MAX_TEXT = 1024

Text = Annotated[str, Field(max_length=MAX_TEXT)]
Texts = Annotated[list[Text], Field(max_length=1000)]
Parts = Annotated[list["FilterString"], Field(min_length=1, max_length=20)]


class FilterString(BaseModel):
    """Conditions on a text, all of which must hold."""

    model_config = ConfigDict(alias_generator=lambda name: f"${name.rstrip('_')}", extra="forbid", frozen=True)

    eq: Text | None = None
    ne: Text | None = None
    in_: Texts | None = None
    nin: Texts | None = None
    like: Text | None = None
    nlike: Text | None = None
    ilike: Text | None = None
    nilike: Text | None = None
    gt: Text | None = None
    gte: Text | None = None
    lt: Text | None = None
    lte: Text | None = None
    and_: Parts | None = None
    or_: Parts | None = None

    def values(self) -> list[str] | None:
        """The texts that fit, where the filter names them; None where it describes them."""
        given = self.model_fields_set
        if given == {"eq"} and self.eq is not None:
            return [self.eq]
        return self.in_ if given == {"in_"} else None

    def fits(self, text: str) -> bool:
        """Whether a text fulfils it. Texts are compared sign by sign."""
        given = ((_OPERATORS.get(name), getattr(self, name)) for name in self.model_fields_set)
        if not all(holds(text, value) for holds, value in given if holds is not None and value is not None):
            return False
        if self.and_ is not None and not all(part.fits(text) for part in self.and_):
            return False
        return self.or_ is None or any(part.fits(text) for part in self.or_)


def _like(text: str, pattern: str) -> bool:
    """SQL's LIKE: `%` is any text, `_` any sign, and a backslash takes their meaning."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    signs = {"%": ".*", "_": "."}
    return re.fullmatch("".join(signs.get(one) or re.escape(one[-1]) for one in parts), text, re.DOTALL) is not None


_OPERATORS: dict[str, Callable[[str, Any], bool]] = {
    "eq": lambda text, value: text == value, "ne": lambda text, value: text != value,
    "in_": lambda text, value: text in value, "nin": lambda text, value: text not in value,
    "like": _like, "nlike": lambda text, value: not _like(text, value),
    "ilike": lambda text, value: _like(text.casefold(), value.casefold()),
    "nilike": lambda text, value: not _like(text.casefold(), value.casefold()),
    "gt": lambda text, value: text > value, "gte": lambda text, value: text >= value,
    "lt": lambda text, value: text < value, "lte": lambda text, value: text <= value,
}  # fmt: skip
