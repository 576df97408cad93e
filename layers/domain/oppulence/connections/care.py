"""What is looked after without anybody asking: keys that stopped working, and what was begun at a provider and left."""

from oppulence.connections import api, endpoints, store
from oppulence.connections.errors import ProviderKeyRefused
from oppulence.kernel import telemetry
from oppulence.kernel.errors import AppError
from oppulence.kernel.uow import Scope, in_transaction


def check_connections(scope: Scope) -> dict[str, int]:
    """Ask Stripe about the key and the endpoints of every active connection.

    Says how many were asked, had endpoints that were put right, were refused, and could not be asked.
    """
    done = {"checked": 0, "repaired": 0, "refused": 0, "not_asked": 0}
    for workspace_id, connection_id in in_transaction(scope, lambda uow: api.all_stripe_connections(uow.conn)):
        own = Scope(scope.context, workspace_id)
        try:
            api.stripe(own, connection_id).get("/v1/account")
            done["repaired"] += endpoints.repair(own, connection_id)
            done["checked"] += 1
        except ProviderKeyRefused as refused:
            if refused.permission is None:
                reason = refused.message
                in_transaction(own, lambda uow: api.mark_needs_reauth(uow, connection_id, reason))  # noqa: B023 - run at once
                done["refused"] += 1
        except AppError as error:
            _note(connection_id, error)
            done["not_asked"] += 1
    return done


def clean_up(scope: Scope) -> dict[str, int]:
    """Finish or undo what was begun an hour ago and left; what Stripe does not let be done stays for the next hour."""
    done = {"rotated": 0, "undone": 0, "left_stripe": 0, "nothing": 0, "postponed": 0}
    for workspace_id, connection_id in in_transaction(scope, lambda uow: store.unfinished(uow.conn)):
        try:
            done[endpoints.clean_up(Scope(scope.context, workspace_id), connection_id)] += 1
        except AppError as error:
            _note(connection_id, error)
            done["postponed"] += 1
    return done


def _note(connection_id: str, error: AppError) -> None:
    telemetry.logger().warning("connection_not_cared_for", extra={"connection_id": connection_id, "reason": error.message})
