"""Every error that a caller can be told of, as one tree.

AppError                      500 api_error
├─ ValidationError            400 validation_error
│  ├─ InvalidBody             400 the body is not what the route takes
│  ├─ InvalidCursor           400 the cursor is not from this list
│  ├─ UnsupportedMediaType    415
│  └─ PayloadTooLarge         413
├─ AuthenticationError        401 authentication_error
├─ AuthorizationError         403 authorization_error
├─ NotFound                   404 not_found_error
├─ Conflict                   409 conflict_error
├─ RateLimited                429 rate_limit_error
├─ ProviderError              502 provider_error
└─ Unavailable                503 api_error: a store is down, try again

A context's own errors derive from these in its `errors.py`. A message says what to do.
"""

from typing import Any, ClassVar

DOCS_URL = "https://docs.oppulence.io/errors"


class AppError(Exception):
    """An error with a place in the public error body."""

    type: ClassVar[str] = "api_error"
    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, param: str | None = None, **details: Any) -> None:  # noqa: ANN401
        super().__init__(message)
        self.message = message
        self.param = param
        self.details = details
        self.headers: dict[str, str] = {}

    def body(self, request_id: str) -> dict[str, Any]:
        """The public error body."""
        error: dict[str, Any] = {"type": self.type, "code": self.code, "message": self.message}
        if self.param is not None:
            error["param"] = self.param
        error |= self.details
        error |= {"doc_url": f"{DOCS_URL}/{self.code}", "request_id": request_id}
        return {"error": error}


class InternalError(AppError):
    """Something that should not happen did. The message never says what: the log does, by request id."""


class ValidationError(AppError):
    """A value the caller sent cannot be used."""

    type = "validation_error"
    code = "invalid_parameter"
    status = 400


class InvalidBody(ValidationError):
    """The request body cannot be parsed or has the wrong shape."""

    code = "invalid_body"


class InvalidCursor(ValidationError):
    """A cursor that this list did not give out, or that was given out for other filters."""

    code = "invalid_cursor"


class UnsupportedMediaType(ValidationError):
    """The Content-Type is not one the route takes."""

    code = "unsupported_media_type"
    status = 415


class PayloadTooLarge(ValidationError):
    """The body exceeds the route's limit."""

    code = "payload_too_large"
    status = 413


class AuthenticationError(AppError):
    """Nobody we know sent this."""

    type = "authentication_error"
    code = "invalid_api_key"
    status = 401


class AuthorizationError(AppError):
    """Known, but not allowed."""

    type = "authorization_error"
    code = "insufficient_permissions"
    status = 403


class WorkspaceMismatch(AuthorizationError):
    """The X-Workspace-Id header names a workspace that the credentials do not open."""

    code = "workspace_mismatch"


class DirectCall(AuthorizationError):
    """The API was called past CloudFront."""

    code = "direct_call"


class NotFound(AppError):
    """No such thing in this workspace."""

    type = "not_found_error"
    code = "not_found"
    status = 404


class Conflict(AppError):
    """The request contradicts the present state."""

    type = "conflict_error"
    code = "conflict"
    status = 409


class IdempotencyKeyReused(Conflict):
    """The same Idempotency-Key came with another request."""

    code = "idempotency_key_reused"


class IdempotencyInProgress(Conflict):
    """A request with this Idempotency-Key is still running."""

    code = "idempotency_in_progress"


class RateLimited(AppError):
    """Too many requests for the plan."""

    type = "rate_limit_error"
    code = "rate_limit_exceeded"
    status = 429


class ProviderError(AppError):
    """A provider refused or failed."""

    type = "provider_error"
    code = "provider_failed"
    status = 502


class Unavailable(AppError):
    """A store is down. Nothing was lost; the same request may be sent again, in two seconds unless somebody knows better."""

    code = "temporarily_unavailable"
    status = 503

    def __init__(self, message: str, *, param: str | None = None, **details: Any) -> None:  # noqa: ANN401
        super().__init__(message, param=param, **{"retry_after": 2, **details})


class NotYet(Exception):
    """A record came before the one it needs. It goes back to its queue, a bounded number of times."""


class Permanent(Exception):
    """A record that can never be processed. It goes to the dead letters at once, with this reason."""
