"""The pages that Stripe hosts: Checkout and the customer portal, as plain forms that a person or a test can send."""

from html import escape

from aiohttp import web

from infra.local.stripe.api import checkout, portal
from infra.local.stripe.errors import StripeError
from infra.local.stripe.unit import Obj, Unit
from infra.local.stripe.world import World

PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{title}</title><body><main><h1>{title}</h1>{body}</main></body></html>"
)
CARD = (
    '<form method="post"><label>Test card number or token <input name="payment_method" value="4242424242424242" required></label>'
    "{more}<button>{button}</button></form>"
)


def routes(world: World) -> list[web.RouteDef]:
    """Both pages; the session's id is all that is needed to use them, as with Stripe's links."""

    def found(kind: str, id: str) -> tuple[Unit, Obj]:
        accounts = {account for account, shelf in list(world.store.shelves) if shelf == kind}
        for account in sorted(accounts):
            unit = world.unit(account)
            session = unit.get(kind, id)
            if session:
                return unit, session
        raise web.HTTPNotFound(text="No such session")

    async def show_checkout(request: web.Request) -> web.Response:
        _, session = found("checkout.session", request.match_info["id"])
        if session["status"] != "open":
            return _page("Checkout", f"<p>This session is {escape(session['status'])}.</p>", 410)
        more = "" if session["customer"] else '<label>E-mail <input name="email" type="email"></label>'
        return _page(
            "Checkout", _amount(session) + CARD.format(more=more, button="Pay" if session["mode"] != "setup" else "Save card")
        )

    async def do_checkout(request: web.Request) -> web.Response:
        unit, session = found("checkout.session", request.match_info["id"])
        form = await request.post()
        email = str(form.get("email") or "") or None
        return _done(
            world,
            unit,
            lambda: checkout.complete(unit, session["id"], str(form.get("payment_method")), email),
            session["success_url"],
        )

    async def show_portal(request: web.Request) -> web.Response:
        unit, session = found("billing_portal.session", request.match_info["id"])
        live = [sub for sub in unit.find("subscription", customer=session["customer"]) if sub["status"] not in ("canceled",)]
        ends = "".join(
            f'<form method="post"><button name="cancel_subscription" value="{escape(s["id"])}">Cancel</button></form>'
            for s in live
        )
        return _page("Your billing", CARD.format(more="", button="Save card") + ends)

    async def do_portal(request: web.Request) -> web.Response:
        unit, session = found("billing_portal.session", request.match_info["id"])
        form = await request.post()
        method, cancel = (str(form[name]) if name in form else None for name in ("payment_method", "cancel_subscription"))
        return _done(world, unit, lambda: portal.act(unit, session["id"], method, cancel), session["return_url"])

    return [
        web.get("/c/pay/{id}", show_checkout),
        web.post("/c/pay/{id}", do_checkout),
        web.get("/p/session/{id}", show_portal),
        web.post("/p/session/{id}", do_portal),
    ]


def _done(world: World, unit: Unit, act: object, url: str | None) -> web.Response:
    try:
        refused = act() if callable(act) else None
    except StripeError as error:
        if not error.keeps:
            return _page("Not done", f"<p>{escape(str(error))}</p>", error.status)
        refused = str(error)
    world.commit(unit)
    if refused:
        return _page("Declined", f"<p>{escape(str(refused))}</p>", 402)
    if url:
        raise web.HTTPSeeOther(url)
    return _page("Done", "<p>Thank you.</p>")


def _amount(session: Obj) -> str:
    return f"<p>{session['amount_total']} {escape(str(session['currency']))} (minor units)</p>" if session["amount_total"] else ""


def _page(title: str, body: str, status: int = 200) -> web.Response:
    return web.Response(text=PAGE.format(title=title, body=body), status=status, content_type="text/html")
