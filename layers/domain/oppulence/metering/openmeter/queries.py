"""What is asked of a meter in OpenMeter's words."""

import ast
import json
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, model_validator

from oppulence.kernel.instant import Instant
from oppulence.kernel.request import Request, body_of
from oppulence.metering.models import Dimension
from oppulence.metering.openmeter.filters import FilterString, Text
from oppulence.metering.openmeter.form import Form

MAX_MANY = 100
SIMPLE, ADVANCED = "filterGroupBy", "advancedMeterGroupByFilters"


def _listed(value: Any) -> Any:  # noqa: ANN401
    """In a query string a name that is given once is a list of one."""
    return [value] if isinstance(value, str) else value


Texts = Annotated[list[Annotated[str, Field(min_length=1, max_length=255)]], BeforeValidator(_listed), Field(max_length=MAX_MANY)]
Values = Annotated[list[Text], BeforeValidator(_listed), Field(max_length=1000)]


class MeterQuery(Form):
    """A question to a meter. `client_id` is for following a query's progress, which we do not show."""

    client_id: Annotated[str, Field(max_length=255)] | None = None
    since: Annotated[Instant | None, Field(alias="from")] = None
    until: Annotated[Instant | None, Field(alias="to")] = None
    window_size: Literal["MINUTE", "HOUR", "DAY", "MONTH"] | None = None
    window_time_zone: Annotated[str, Field(max_length=64)] | None = None
    subject: Texts | None = None
    filter_customer_id: Texts | None = None
    filter_group_by: Annotated[dict[Dimension, Values], Field(max_length=20)] | None = None
    advanced_meter_group_by_filters: Annotated[dict[Dimension, FilterString], Field(max_length=20)] | None = None
    group_by: Texts | None = None

    @property
    def filters(self) -> str:
        """What the filters of dimensions are called that it has."""
        return ADVANCED if self.advanced_meter_group_by_filters else SIMPLE

    @property
    def grouped_by(self) -> tuple[str, ...]:
        """What rows are told apart by: also subjects and customers that are asked for by name."""
        reserved = {"subject": self.subject, "customer_id": self.filter_customer_id}
        return tuple(dict.fromkeys([*(self.group_by or []), *(name for name, asked in reserved.items() if asked)]))


class MeterQueryParameters(MeterQuery):
    """The same in a query string."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:  # noqa: ANN401
        """`filterGroupBy[model]=x`, or, as the Python client writes it, `filterGroupBy={'model': 'x'}`; JSON for the others."""
        simple = {name: value for name, value in given.items() if name.startswith(f"{SIMPLE}[") and name.endswith("]")}
        values = {name: value for name, value in given.items() if name not in simple}
        if isinstance(text := values.get(SIMPLE), str):
            values[SIMPLE] = _literal(text)
        if simple and values.setdefault(SIMPLE, {}) == {}:
            values[SIMPLE] = {name[len(SIMPLE) + 1 : -1]: value for name, value in simple.items()}
        if isinstance(text := values.get(ADVANCED), str):
            values[ADVANCED] = _json(text)
        return values


def of_body(request: Request) -> MeterQuery:
    """The question in a request's body; without a body everything is asked for.

    Raises:
        UnsupportedMediaType, InvalidBody, ValidationError: see `body_of`.
    """
    if not request.body:
        return MeterQuery()
    return cast("MeterQuery", body_of(request, MeterQuery, len(request.body)))


def _literal(text: str) -> Any:  # noqa: ANN401
    """A dictionary as Python writes it. What is none stays as it is, and is refused as such."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _json(text: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
