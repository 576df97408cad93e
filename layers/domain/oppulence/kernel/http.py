"""HTTP routes. The life of a request is `_process`, in the order it happens."""

import inspect
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_type_hints

from oppulence.kernel import limits, origin, pausing, telemetry
from oppulence.kernel import response as responses
from oppulence.kernel.capabilities import Capability
from oppulence.kernel.declarations import Access, Entry, Route
from oppulence.kernel.errors import AppError, AuthenticationError, AuthorizationError
from oppulence.kernel.request import Model, Request, Secret, body_of, check_size, parse, query_of
from oppulence.kernel.response import Response
from oppulence.kernel.scopes import allows

if TYPE_CHECKING:
    from oppulence.kernel.auth import Principal

__all__ = ["Model", "Request", "Response", "Secret", "route"]

_GIVEN = frozenset({"uow", "scope", "body", "query", "request", "principal"})


def route(
    method: str, path: str, *, uses: tuple[Capability, ...] = (), scope: str | None = None, access: Access = "scope",
    errors: tuple[type[AppError], ...] = (), **options: Any,
) -> Callable[[Callable[..., Any]], Entry]:  # fmt: skip
    """Make a handler a route.

    The handler names what it needs: `uow`, path parameters by name, `body` and `query` (models), `principal`, `request`
    (the raw one). A handler that calls a provider takes `scope` instead of `uow`, opens its transactions itself (never both at
    once), and must be harmless to repeat: its answer is kept for an Idempotency-Key only after it.

    `access` is `scope` (a key or member with `scope`), `user` (any signed-in person; the unit of work is of a workspace yet to
    be made) or `public`. Options: `status`, `idempotent` (the Idempotency-Key header is required), `max_body_bytes`, `personal`
    (what personal data an answer holds; each reading is audited), `while_deleting` (also for a workspace whose deletion can
    still be undone), `drop_in` (the rival's surface that it belongs to, whose form its errors have), `repeatable` and
    `takes` and `greedy` (see `declarations.Route`), `timeout_s`, `memory_mb`.
    """

    def decorate(work: Callable[..., Any]) -> Entry:
        hints = get_type_hints(work)
        names = tuple(inspect.signature(work).parameters)
        declared = Route(
            work, uses, method=method, path=path, scope=scope, access=access, errors=errors, body=hints.get("body"),
            query=hints.get("query"), answer=hints.get("return"), given=frozenset(names) & _GIVEN,
            path_parameters=tuple(name for name in names if name not in _GIVEN), **options,
        )  # fmt: skip

        if access != "public":
            # With the function's start, not with its first request. Public routes may do without PostgreSQL's driver.
            from oppulence.kernel import auth, effect  # noqa: F401

        def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
            return _handle(declared, event)

        return pausing.entry(declared, handler)

    return decorate


def _handle(declared: Route, event: dict[str, Any]) -> dict[str, Any]:
    started = time.perf_counter()
    headers: dict[str, str] = {}
    request = parse(event)
    with telemetry.span(f"{declared.method} {declared.path}", request.header("traceparent")):
        telemetry.annotate(request_id=request.id)
        try:
            response = _process(declared, request, headers)
        except Exception as error:  # noqa: BLE001 - the outermost frame: every error becomes an answer
            response = responses.of_error(declared, error, request.id)
            telemetry.annotate(error=type(error).__name__ if response.status >= 500 else None)
        telemetry.request(declared.method, declared.path, response.status, time.perf_counter() - started)
    headers["X-Request-Id"] = request.id
    return responses.to_gateway(response, headers)


def _process(declared: Route, request: Request, headers: dict[str, str]) -> Response:
    request = origin.admit(request)
    if declared.access == "public":
        return responses.answer(declared, _arguments(declared, request, None))
    from oppulence.kernel import effect

    principal = _authenticated(declared, request)
    telemetry.annotate(workspace_id=principal.workspace_id, caller_id=principal.id)
    _authorize(declared, principal)
    lease = limits.take(principal.caller, request.id)
    headers.update(lease.headers)
    try:
        return effect.run(declared, request, principal, _arguments(declared, request, principal))
    finally:
        limits.give_back(lease)


def _authenticated(declared: Route, request: Request) -> "Principal":
    """Who calls? An address that keeps failing is told to wait."""
    from oppulence.kernel import auth

    limits.check_address(request.source_ip)
    try:
        return auth.authenticate(declared.context, request.header("authorization"), request.header("x-workspace-id"))
    except AuthenticationError:
        limits.count_failure(request.source_ip)
        raise


def _authorize(declared: Route, principal: "Principal") -> None:
    from oppulence.kernel.auth import WorkspaceUnavailable

    if declared.access == "user":
        if principal.type != "user":
            raise AuthorizationError("This route takes a person's token, not an API key.")
        return
    if principal.workspace_id is None:
        raise AuthorizationError(
            "You are a member of several workspaces or of none: name one in X-Workspace-Id.", param="X-Workspace-Id"
        )
    if principal.workspace_status != "active" and not (declared.while_deleting and principal.workspace_status == "deleting"):
        raise WorkspaceUnavailable(
            "This workspace is being deleted. While the delay lasts an owner can undo it with POST /v1/workspace/restore."
        )
    if declared.scope is not None and not allows(principal.scopes, declared.scope):
        raise AuthorizationError(
            f"This needs the scope '{declared.scope}', which these credentials lack.", required_scope=declared.scope
        )


def _arguments(declared: Route, request: Request, principal: "Principal | None") -> dict[str, Any]:
    """The handler's arguments but for the unit of work, validated."""
    arguments: dict[str, Any] = {name: request.path_parameters[name] for name in declared.path_parameters}
    if declared.body is not None:
        arguments["body"] = body_of(request, declared.body, declared.max_body_bytes)
    else:
        check_size(request, declared.max_body_bytes)
    if declared.query is not None:
        arguments["query"] = query_of(request, declared.query)
    if declared.wants("request"):
        arguments["request"] = request
    if declared.wants("principal"):
        arguments["principal"] = principal
    return arguments
