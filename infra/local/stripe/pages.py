"""The pages that Stripe hosts: Checkout and the customer portal, as plain forms that a person or a test can send."""

from collections.abc import Callable
from dataclasses import dataclass
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
END = '<form method="post"><button name="cancel_subscription" value="{id}">Cancel {id}</button></form>'


@dataclass(frozen=True)
class Pages:
    """Both pages; the session's id is all that is needed to use them, as with Stripe's links."""

    world: World

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/c/pay/{id}", self.show_checkout),
            web.post("/c/pay/{id}", self.complete_checkout),
            web.get("/p/session/{id}", self.show_portal),
            web.post("/p/session/{id}", self.use_portal),
        ]

    async def show_checkout(self, request: web.Request) -> web.Response:
        _, session = self._find("checkout.session", request)
        if session["status"] != "open":
            return _page("Checkout", f"<p>This session is {escape(session['status'])}.</p>", 410)
        more = "" if session["customer"] else '<label>E-mail <input name="email" type="email"></label>'
        button = "Save card" if session["mode"] == "setup" else "Pay"
        return _page("Checkout", _amount(session) + CARD.format(more=more, button=button))

    async def complete_checkout(self, request: web.Request) -> web.Response:
        unit, session = self._find("checkout.session", request)
        form = await request.post()
        method, email = str(form.get("payment_method")), str(form.get("email") or "") or None
        return self._done(unit, lambda: checkout.complete(unit, session["id"], method, email), session["success_url"])

    async def show_portal(self, request: web.Request) -> web.Response:
        unit, session = self._find("billing_portal.session", request)
        live = [sub["id"] for sub in unit.find("subscription", customer=session["customer"]) if sub["status"] != "canceled"]
        ends = "".join(END.format(id=escape(id)) for id in live)
        return _page("Your billing", CARD.format(more="", button="Save card") + ends)

    async def use_portal(self, request: web.Request) -> web.Response:
        unit, session = self._find("billing_portal.session", request)
        form = await request.post()
        method, cancel = (str(form[name]) if name in form else None for name in ("payment_method", "cancel_subscription"))
        return self._done(unit, lambda: portal.act(unit, session["id"], method, cancel), session["return_url"])

    def _find(self, kind: str, request: web.Request) -> tuple[Unit, Obj]:
        for account in sorted({account for account, shelf in self.world.store.shelves if shelf == kind}):
            unit = self.world.unit(account)
            session = unit.get(kind, request.match_info["id"])
            if session:
                return unit, session
        raise web.HTTPNotFound(text="No such session")

    def _done(self, unit: Unit, act: Callable[[], str | None], url: str | None) -> web.Response:
        """Do it and go back to where the customer came from; a decline is shown, and kept."""
        try:
            refused = act()
        except StripeError as error:
            if not error.keeps:
                return _page("Not done", f"<p>{escape(str(error))}</p>", error.status)
            refused = str(error)
        self.world.commit(unit)
        if refused:
            return _page("Declined", f"<p>{escape(refused)}</p>", 402)
        if url:
            raise web.HTTPSeeOther(url)
        return _page("Done", "<p>Thank you.</p>")


def _amount(session: Obj) -> str:
    return f"<p>{session['amount_total']} {escape(str(session['currency']))} (minor units)</p>" if session["amount_total"] else ""


def _page(title: str, body: str, status: int = 200) -> web.Response:
    return web.Response(text=PAGE.format(title=title, body=body), status=status, content_type="text/html")
