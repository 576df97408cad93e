"""What the metering context refuses, and why."""

from oppulence.kernel.errors import Conflict, NotFound, ValidationError


class MeterNotFound(NotFound):
    """No such meter in this workspace."""

    code = "meter_not_found"


class MeterExists(Conflict):
    """Another active meter has the slug."""

    code = "meter_exists"


class MeterNotActive(Conflict):
    """The meter is archived."""

    code = "meter_not_active"


class MeterChanged(Conflict):
    """The meter has another revision than the caller saw."""

    code = "meter_changed"


class InvalidMeter(ValidationError):
    """A meter of these parts cannot count; `param` names the part."""

    code = "invalid_meter"


class InvalidInstant(ValidationError):
    """An instant from which a definition cannot hold."""

    code = "invalid_instant"


class InvalidPeriod(ValidationError):
    """A period that cannot be asked for."""

    code = "invalid_period"


class TooManyWindows(ValidationError):
    """A period with more windows than are answered."""

    code = "too_many_windows"


class UnknownTimeZone(ValidationError):
    """A time zone that the IANA database does not have."""

    code = "unknown_time_zone"


class TooManyEvents(ValidationError):
    """A request with more usage events than one takes."""

    code = "too_many_events"


class EventsRejected(ValidationError):
    """Some events cannot be taken, so none was, as `atomic` asked. `rejected` names them; corrected, they may be sent again."""

    code = "events_rejected"
    status = 422
