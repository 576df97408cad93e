"""A request's effect: the use case in one transaction, and once only where the caller sent an Idempotency-Key."""

from dataclasses import replace
from typing import Any

from oppulence.kernel import crypto, db, environment, idempotency, response, telemetry
from oppulence.kernel.auth import Principal
from oppulence.kernel.declarations import Route
from oppulence.kernel.errors import AppError, IdempotencyInProgress, IdempotencyKeyReused, Unavailable, ValidationError
from oppulence.kernel.idempotency import Kept
from oppulence.kernel.ids import new_id
from oppulence.kernel.request import Request
from oppulence.kernel.response import Response
from oppulence.kernel.uow import Actor, Scope, UnitOfWork, in_transaction

Arguments = dict[str, Any]


def run(declared: Route, request: Request, principal: Principal, arguments: Arguments) -> Response:
    """Run the use case and answer.

    Raises:
        ValidationError: the route requires an Idempotency-Key, or the one sent cannot be used.
        IdempotencyKeyReused, IdempotencyInProgress: see `idempotency`.
        AppError: whatever the use case refuses.
    """
    key = _key(declared, request, principal)
    workspace_id = principal.workspace_id if declared.access == "scope" else None
    actor = Actor(principal.type, principal.id, request.source_ip, request.header("user-agent"), principal.scopes)
    scope = Scope(declared.context, workspace_id or new_id("ws"), actor, path=request.path)
    if declared.needs_keys and workspace_id:
        crypto.warm(scope.context, workspace_id)
    if declared.repeatable and key is not None:
        return _repeatable(declared, scope, arguments, key)
    if declared.wants("scope"):
        return _outside(declared, scope, arguments, key)
    if key is None:
        return _read(declared, scope, arguments)
    kept = db.read(scope.context, lambda conn: idempotency.look_up(conn, key))
    return _replayed(declared, kept) if kept else _once(declared, scope, arguments, key)


def _read(declared: Route, scope: Scope, arguments: Arguments) -> Response:
    """From the replica, if the route may and there is one; the writer knows the same, should it be away."""
    if declared.replica and environment.optional("PG_READER_HOST"):
        try:
            return in_transaction(replace(scope, replica=True), lambda uow: response.answer(declared, arguments, uow))
        except Unavailable as error:
            telemetry.logger().warning("replica_unavailable", extra={"reason": str(error)})
    return in_transaction(scope, lambda uow: response.answer(declared, arguments, uow))


def _key(declared: Route, request: Request, principal: Principal) -> idempotency.Key | None:
    text = request.header("idempotency-key")
    if declared.idempotent and not text:
        raise ValidationError(
            "This route needs an Idempotency-Key header, so that a repeat has no second effect.", param="Idempotency-Key"
        )
    if text is None or not declared.is_write or declared.access != "scope" or principal.workspace_id is None:
        return None
    return idempotency.key_of(declared.context, principal.workspace_id, text, request)


def _once(declared: Route, scope: Scope, arguments: Arguments, key: idempotency.Key) -> Response:
    """The effect and its kept answer in one transaction; a refusal is kept in one of its own."""

    def work(uow: UnitOfWork) -> Response:
        kept = idempotency.begin(uow.conn, key)
        if kept is not None:
            return _replayed(declared, kept)
        fresh = response.answer(declared, arguments, uow)
        if idempotency.is_kept(fresh.status):
            _keep(uow, key, fresh)
        return fresh

    try:
        return in_transaction(scope, work)
    except (IdempotencyInProgress, IdempotencyKeyReused):
        raise
    except AppError as error:
        _keep_refusal(declared, scope, key, error)
        raise


def _outside(declared: Route, scope: Scope, arguments: Arguments, key: idempotency.Key | None) -> Response:
    """The effect of a handler that opens its own transactions: kept as started before the first, its answer after the last."""
    arguments = {**arguments, "scope": scope}
    if key is None:
        return response.answer(declared, arguments)
    with idempotency.held(key):
        kept = in_transaction(scope, lambda uow: _start(uow, key))
        if kept is not None:
            return _replayed(declared, kept)
        try:
            fresh = response.answer(declared, arguments)
        except AppError as error:
            _keep_refusal(declared, scope, key, error)
            if error.status < 500:
                in_transaction(scope, lambda uow: idempotency.give_up(uow.conn, key))
            raise
        if idempotency.is_kept(fresh.status):
            in_transaction(scope, lambda uow: _keep(uow, key, fresh))
        return fresh


def _repeatable(declared: Route, scope: Scope, arguments: Arguments, key: idempotency.Key) -> Response:
    """The effect of a handler whose repeat has no second one. A repeat gets the kept answer while there is one."""
    kept = db.read(scope.context, lambda conn: idempotency.look_up(conn, key))
    if kept is not None:
        return _replayed(declared, kept)
    fresh = response.answer(declared, {**arguments, "scope": scope})
    if idempotency.is_kept(fresh.status):
        idempotency.keep_copy(key, _without_secrets(fresh))
    return fresh


def _start(uow: UnitOfWork, key: idempotency.Key) -> Kept | None:
    kept = idempotency.begin(uow.conn, key)
    if kept is None:
        idempotency.start(uow.conn, key)
    return kept


def _keep_refusal(declared: Route, scope: Scope, key: idempotency.Key, error: AppError) -> None:
    if idempotency.is_kept(error.status):
        refusal = response.of_error(declared, error, key.request_id)
        in_transaction(scope, lambda uow: _keep(uow, key, refusal))


def _keep(uow: UnitOfWork, key: idempotency.Key, fresh: Response) -> None:
    kept = _without_secrets(fresh)
    sealed = idempotency.keep(uow.conn, key, kept)
    if sealed is not None:
        uow.after_commit(lambda: idempotency.copy(key, kept.status, sealed))


def _without_secrets(fresh: Response) -> Kept:
    return Kept(fresh.status, fresh.body if fresh.kept is None else fresh.kept)


def _replayed(declared: Route, kept: Kept) -> Response:
    content_type = response.error_type(declared) if kept.status >= 400 else "application/json"
    return Response(kept.status, kept.body, content_type, {"Idempotent-Replayed": "true"})
