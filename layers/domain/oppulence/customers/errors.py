"""What the customers context refuses, and why."""

from oppulence.kernel.errors import Conflict, NotFound, ValidationError


class CustomerNotFound(NotFound):
    """No such customer in this workspace."""

    code = "customer_not_found"


class SubjectNotFound(NotFound):
    """The customer does not have that usage subject."""

    code = "subject_not_found"


class CustomerExists(Conflict):
    """Another customer has the key."""

    code = "customer_exists"


class CustomerNotActive(Conflict):
    """The customer was archived, merged or erased."""

    code = "customer_not_active"


class CustomerChanged(Conflict):
    """The customer has another version than the caller saw."""

    code = "customer_changed"


class CustomersTooLarge(Conflict):
    """Two customers together have more of something than one can have, or one has more subjects than can change hands at once."""

    code = "customers_too_large"


class SameCustomer(ValidationError):
    """A customer cannot be merged with itself."""

    code = "same_customer"


class InvalidKey(ValidationError):
    """A key has a shape that is not allowed, as that of our own ids of customers."""

    code = "invalid_key"


class UnknownTimeZone(ValidationError):
    """A time zone that the IANA database does not have."""

    code = "unknown_time_zone"


class InvalidInstant(ValidationError):
    """An instant from which a subject cannot change hands."""

    code = "invalid_instant"


class TooManyWords(ValidationError):
    """A search of more words than are looked for."""

    code = "too_many_words"
