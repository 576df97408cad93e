"""Facts about subscriptions, and about what they are reckoned and paid with: coupons, discounts, payment methods.

All subscription facts carry the whole state. `created` and `updated` are told for every state that differs in what stands here;
`paused`, `resumed` and `canceled` are told besides, with the same `object_version`. So a read model that takes any of
them, and drops a lower version, ends right; a state that was overtaken before it was seen is not told.
"""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from oppulence.kernel.money import Currency
from oppulence.sync.events.base import Fact, ObjectFact

DecimalText = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", description="An exact decimal number, as text.")]


class Coupon(BaseModel):
    """What a coupon takes off: a share or an amount. The provider never changes these terms."""

    coupon_id: str
    percent_off: Annotated[DecimalText | None, Field(description="Percent, such as 12.5; null when it takes off an amount.")]
    amount_off_minor: Annotated[int | None, Field(description="Minor units of `amount_off_currency`.")]
    amount_off_currency: Currency | None
    duration: Annotated[str, Field(description="The provider's: `forever`, `once` (one invoice) or `repeating` (some months).")]


class Discount(BaseModel):
    """A discount on a subscription. The provider often shows its id only: then the rest comes with `sync.discount.*`."""

    discount_id: str
    coupon_id: str | None
    coupon: Annotated[
        Coupon | None, Field(description="The coupon's terms, where they were shown: else see `sync.coupon.created`.")
    ]
    starts_at: datetime | None
    ends_at: datetime | None


class SubscriptionItem(BaseModel):
    """A price that is charged again and again, and how often per period."""

    item_id: str
    price_id: str
    product_id: str | None
    quantity: Annotated[int | None, Field(description="Null for metered usage.")]
    unit_amount_minor: Annotated[
        DecimalText | None,
        Field(description="Minor units of `currency` per unit and interval, exact, may have a fraction; null when `tiered`."),
    ]
    currency: Annotated[
        Currency, Field(description="Of the price; may differ from the subscription's, which then pays another amount.")
    ]
    interval: Annotated[str, Field(description="`day`, `week`, `month` or `year`.")]
    interval_count: Annotated[int, Field(description="Intervals per period: 3 with `month` is quarterly.")]
    metered: Annotated[bool, Field(description="Charged by usage: what it brings is not known beforehand.")]
    tiered: Annotated[bool, Field(description="Priced in tiers: no single amount per unit.")]
    units_per_package: Annotated[
        int, Field(description="Units that one `unit_amount_minor` buys; 1 unless sold in packages.")
    ] = 1
    rounds_up: Annotated[bool, Field(description="A package begun is charged whole; else only packages that are full.")] = True
    discount_ids: Annotated[list[str], Field(max_length=20, description="Discounts of this item alone.")] = []


class SubscriptionFact(Fact):
    """A fact about a subscription, with its whole state. `currency` is the one it is charged in."""

    customer_id: str | None
    status: Annotated[
        str,
        Field(
            description="The provider's: `incomplete`, `incomplete_expired`, `trialing`, `active`, `past_due`, `unpaid`, "
            "`paused` or `canceled`."
        ),
    ]
    paused: Annotated[bool, Field(description="Status `paused`, or its collection of payments is paused.")]
    items: Annotated[list[SubscriptionItem], Field(max_length=40)]
    items_complete: Annotated[bool, Field(description="False when it has more items than stand here.")]
    discounts: Annotated[list[Discount], Field(max_length=20, description="Discounts of the whole subscription.")]
    current_period_start_at: Annotated[datetime | None, Field(description="The earliest of its items'.")]
    current_period_end_at: Annotated[datetime | None, Field(description="The earliest of its items'.")]
    started_at: Annotated[datetime | None, Field(description="When it first began; past for one that was taken over.")]
    trial_end_at: datetime | None
    cancel_at: Annotated[datetime | None, Field(description="When it is going to end, if that is decided.")]
    ended_at: datetime | None


class SubscriptionCreated(SubscriptionFact, type="sync.subscription.created", version=1):
    """The mirror knows a subscription. Told once, with the first state that was seen of it."""


class SubscriptionUpdated(SubscriptionFact, type="sync.subscription.updated", version=1):
    """The mirror has a later state of a subscription, which differs in what this event carries."""


class SubscriptionPaused(SubscriptionFact, type="sync.subscription.paused", version=1):
    """A subscription was paused: its status, or the collection of its payments. Told besides `created` or `updated`."""


class SubscriptionResumed(SubscriptionFact, type="sync.subscription.resumed", version=1):
    """A paused subscription goes on. Told besides `updated`."""


class SubscriptionCanceled(SubscriptionFact, type="sync.subscription.canceled", version=1):
    """A subscription has ended, and will not come back. Told once, besides `created` or `updated`; not when merely scheduled."""


class CouponCreated(ObjectFact, type="sync.coupon.created", version=1):
    """A coupon's terms are known, which never change. Told once per coupon, also when its removal is all that was seen."""

    coupon: Coupon


class DiscountFact(ObjectFact):
    """A fact about a discount of a customer or a subscription: who gets it, and for how long."""

    customer_id: str | None
    subscription_id: Annotated[str | None, Field(description="Null for one of the customer, which all its subscriptions get.")]
    item_id: Annotated[str | None, Field(description="Subscription item, when it is for that alone.")]
    coupon_id: str | None
    starts_at: datetime | None
    ends_at: Annotated[datetime | None, Field(description="Null for one without end.")]


class DiscountCreated(DiscountFact, type="sync.discount.created", version=1):
    """A discount is known. Told once, with the first state that was seen of it, unless that is its removal."""


class DiscountUpdated(DiscountFact, type="sync.discount.updated", version=1):
    """The mirror has a later state of a discount, which differs in what this event carries."""


class DiscountDeleted(DiscountFact, type="sync.discount.deleted", version=1):
    """A discount was taken away. Told once."""


class PaymentMethodExpiring(ObjectFact, type="sync.payment_method.expiring", version=1):
    """A customer's card expires this month or the next. Told once per payment method and expiry."""

    customer_id: str
    is_default: Annotated[bool, Field(description="The customer, or a subscription that goes on, pays with it by default.")]
    expiry_month: Annotated[int, Field(ge=1, le=12, description="The card is good until this month's end.")]
    expiry_year: int
