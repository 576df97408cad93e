"""What the metering context refuses, and why."""

from oppulence.kernel.errors import Conflict, NotFound, RateLimited, ValidationError


class MeterNotFound(NotFound):
    """No such meter in this workspace."""

    code = "meter_not_found"


class MeterExists(Conflict):
    """Another active meter has the slug."""

    code = "meter_exists"


class TooManyMeters(Conflict):
    """As many active meters count events of the type as may."""

    code = "too_many_meters"


class TooManyVersions(Conflict):
    """The meter has as many versions as it may have."""

    code = "too_many_meter_versions"


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


class ImportNotFound(NotFound):
    """No such import in this workspace."""

    code = "import_not_found"


class ImportFileMissing(Conflict):
    """The import's file was not uploaded, or is not of the size that was said."""

    code = "import_file_missing"


class ImportOver(Conflict):
    """The import has ended."""

    code = "import_over"


class TooManyImports(RateLimited):
    """So many imports wait or run that no other one is taken."""

    code = "too_many_imports"


class AlertNotFound(NotFound):
    """No such usage alert in this workspace."""

    code = "usage_alert_not_found"


class InvalidAlert(ValidationError):
    """An alert of these parts can never be reached, or never be told; `param` names the part."""

    code = "invalid_usage_alert"


class AlertChanged(Conflict):
    """The alert has another revision than the caller saw."""

    code = "usage_alert_changed"


class TooManyAlerts(Conflict):
    """The workspace has as many usage alerts as it may have."""

    code = "too_many_usage_alerts"


class ExportNotFound(NotFound):
    """No such usage export in this workspace."""

    code = "usage_export_not_found"


class InvalidExport(ValidationError):
    """An export of these parts holds nothing, or too much; `param` names the part."""

    code = "invalid_usage_export"


class TooManyExports(RateLimited):
    """As many exports run, or as many schedules stand, as may."""

    code = "too_many_usage_exports"


class TooManyEvents(ValidationError):
    """A request with more usage events than one takes."""

    code = "too_many_events"


class EventsRejected(ValidationError):
    """Some events cannot be taken, so none was, as `atomic` asked. `rejected` names them; corrected, they may be sent again."""

    code = "events_rejected"
    status = 422


class TooManyRows(ValidationError):
    """A question with more rows than are answered at once."""

    code = "too_many_rows"


class TooManySubjects(ValidationError):
    """A question about more subjects than one takes."""

    code = "too_many_subjects"


class UnknownDimension(ValidationError):
    """A dimension that the meter does not have."""

    code = "unknown_dimension"


class EventNotFound(NotFound):
    """No such usage event in this workspace."""

    code = "usage_event_not_found"


class FreezeNotFound(NotFound):
    """Nothing was frozen under this key."""

    code = "frozen_quantity_not_found"


class FreezeDiffers(Conflict):
    """Something else was frozen under this key."""

    code = "frozen_quantity_differs"
