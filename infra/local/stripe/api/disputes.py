"""Disputes, as the merchant answers them; `control` opens them and decides for the bank."""

from infra.local.stripe import money
from infra.local.stripe.api.fields import Params, with_metadata
from infra.local.stripe.errors import invalid
from infra.local.stripe.routing import route
from infra.local.stripe.unit import Obj, Unit

OPEN = ("needs_response", "warning_needs_response")


@route("POST", "/v1/disputes/{id}", "DisputeUpdateParams", takes="evidence metadata submit", needs="dispute")
def update(unit: Unit, params: Params, id: str) -> Obj:
    """Evidence goes to the bank at once unless `submit` is false; the bank's decision comes by `control`."""
    dispute = _open(unit, id)
    told = with_metadata(dispute, params, "")
    if "evidence" in params:
        told["evidence"] = dispute["evidence"] | (params["evidence"] or {})
        count = dispute["evidence_details"]["submission_count"]
        if params.get("submit", True):
            told["status"] = "under_review"
            count += 1
        told["evidence_details"] = dispute["evidence_details"] | {"has_evidence": True, "submission_count": count}
    return unit.change(dispute, "charge.dispute.updated", **told)


@route("POST", "/v1/disputes/{id}/close", "DisputeCloseParams", needs="dispute")
def close(unit: Unit, params: Params, id: str) -> Obj:
    """The merchant gives in: the dispute is lost."""
    return money.close_dispute(unit, _open(unit, id)["id"], "lost")


def _open(unit: Unit, id: str) -> Obj:
    dispute = unit.need("dispute", id)
    if dispute["status"] not in OPEN:
        raise invalid(
            "This dispute is already closed" if dispute["status"] in ("won", "lost") else "This dispute is under review"
        )
    return dispute
