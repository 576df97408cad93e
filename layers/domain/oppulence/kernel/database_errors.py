"""Database errors that nobody expected, in the caller's terms."""

import psycopg

from oppulence.kernel import db
from oppulence.kernel.errors import AppError, InternalError, Unavailable, ValidationError

_BUSY = (
    psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable, psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
)  # fmt: skip
_UNSTORABLE = (psycopg.errors.CharacterNotInRepertoire, psycopg.errors.UntranslatableCharacter, UnicodeEncodeError)


def told(error: Exception) -> AppError:
    """What a database error that nobody expected says to the caller."""
    if db.is_down(error) or isinstance(error, _BUSY):
        return Unavailable("The database is busy or not reachable. Try again in a few seconds.", retry_after=2)
    if isinstance(error, psycopg.errors.NumericValueOutOfRange):
        return ValidationError("A number is too large to be stored.")
    if isinstance(error, _UNSTORABLE) or (isinstance(error, psycopg.DataError) and error.sqlstate is None):
        return ValidationError("A text holds a character that cannot be stored, such as U+0000.")
    return InternalError("An internal error occurred. Please try again.")
