"""What tenancy refuses, and why."""

from oppulence.kernel.errors import AuthorizationError, Conflict, NotFound, ValidationError


class MemberNotFound(NotFound):
    """No such member or invitation in this workspace."""

    code = "member_not_found"


class InvitationNotFound(NotFound):
    """The token is of no open invitation."""

    code = "invitation_not_found"


class ApiKeyNotFound(NotFound):
    """No such key in this workspace."""

    code = "api_key_not_found"


class EscalationRefused(AuthorizationError):
    """Somebody tried to grant, or to take from another, more than they have themselves."""

    code = "escalation_refused"


class OwnerRequired(AuthorizationError):
    """Only a signed-in owner may do this."""

    code = "owner_required"


class InvitationForAnother(AuthorizationError):
    """The invitation was made for another e-mail address."""

    code = "invitation_for_another"


class InvitationExpired(Conflict):
    """The invitation was not accepted in time."""

    code = "invitation_expired"


class AlreadyMember(Conflict):
    """The person is a member already."""

    code = "already_member"


class LastOwner(Conflict):
    """A workspace keeps at least one owner."""

    code = "last_owner"


class ApiKeyRevoked(Conflict):
    """The key was revoked."""

    code = "api_key_revoked"


class ApiKeyAlreadyRotated(Conflict):
    """The key has a successor."""

    code = "api_key_already_rotated"


class DeletionScheduled(Conflict):
    """The workspace's deletion is under way."""

    code = "deletion_scheduled"


class DeletionNotScheduled(Conflict):
    """There is no deletion to undo."""

    code = "deletion_not_scheduled"


class DeadLetterNotFound(NotFound):
    """No such dead letter in this workspace."""

    code = "dead_letter_not_found"


class DeadLetterClosed(Conflict):
    """The letter was processed or discarded already, or has no queue to go back to."""

    code = "dead_letter_closed"


class NoLettersNamed(ValidationError):
    """Neither ids nor a filter say which letters."""

    code = "no_letters_named"


class UnknownScope(ValidationError):
    """A scope that does not exist."""

    code = "unknown_scope"


class UnknownTimeZone(ValidationError):
    """A time zone that the IANA database does not have."""

    code = "unknown_time_zone"


class InvalidFlagName(ValidationError):
    """A feature flag's name has a shape that is not allowed."""

    code = "invalid_flag_name"


class ExpiryInThePast(ValidationError):
    """A key would have expired before its first use."""

    code = "expiry_in_the_past"
