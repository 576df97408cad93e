"""Errors of the mirror and its engine."""

from oppulence.kernel.errors import Conflict, NotFound, RateLimited, ValidationError


class ObjectNotFound(NotFound):
    """The mirror has no such object in this workspace."""

    code = "object_not_found"


class BackfillNotFound(NotFound):
    """This workspace has no such backfill."""

    code = "backfill_not_found"


class BackfillOver(Conflict):
    """The backfill is over."""

    code = "backfill_over"


class UnknownObjectType(ValidationError):
    """Stripe does not list a type of that name."""

    code = "unknown_object_type"


class InvalidRange(ValidationError):
    """A range of time that holds nothing, or says one side twice."""

    code = "invalid_range"


class TooManyBackfills(RateLimited):
    """The workspace has asked for too many backfills."""

    code = "too_many_backfills"


class ReplayNotFound(NotFound):
    """This workspace has no such replay."""

    code = "replay_not_found"


class ReplayRunning(Conflict):
    """Another replay of the workspace is running."""

    code = "replay_running"


class ReplayOver(Conflict):
    """The replay is over."""

    code = "replay_over"


class NothingSelected(ValidationError):
    """Neither a filter nor `all` says which events."""

    code = "nothing_selected"
