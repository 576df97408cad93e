"""Stripe's published test cards: what each is, and how charges of it turn out. Source: Stripe documentation, "Testing"."""

from dataclasses import dataclass
from typing import Any

from infra.local.stripe import ids
from infra.local.stripe.errors import StripeError, invalid

Obj = dict[str, Any]


@dataclass(frozen=True)
class Decline:
    """A decline code's failure code, network code, advice and message. A hard one is not tried again with the same card."""

    code: str
    network: str | None
    advice: str
    message: str
    hard: bool = False
    blocked: bool = False


_DECLINED = "Your card was declined."
_LIMIT = "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."
DECLINES = {
    "generic_decline": Decline("card_declined", "05", "try_again_later", _DECLINED),
    "do_not_honor": Decline("card_declined", "05", "try_again_later", _DECLINED),
    "try_again_later": Decline("card_declined", "19", "try_again_later", _DECLINED),
    "insufficient_funds": Decline("card_declined", "51", "try_again_later", "Your card has insufficient funds."),
    "card_velocity_exceeded": Decline("card_declined", "65", "try_again_later", _LIMIT),
    "withdrawal_count_limit_exceeded": Decline("card_declined", "61", "try_again_later", _LIMIT),
    "processing_error": Decline(
        "processing_error", "96", "try_again_later", "An error occurred while processing your card. Try again in a little bit."
    ),
    "lost_card": Decline("card_declined", "41", "do_not_try_again", _DECLINED, hard=True),
    "stolen_card": Decline("card_declined", "43", "do_not_try_again", _DECLINED, hard=True),
    "pickup_card": Decline("card_declined", "04", "do_not_try_again", _DECLINED, hard=True),
    "transaction_not_allowed": Decline(
        "card_declined", "57", "do_not_try_again", "Your card does not support this type of purchase.", hard=True
    ),
    "fraudulent": Decline("card_declined", None, "do_not_try_again", _DECLINED, hard=True, blocked=True),
    "expired_card": Decline("expired_card", "54", "do_not_try_again", "Your card has expired."),
    "incorrect_cvc": Decline("incorrect_cvc", "N7", "confirm_card_data", "Your card's security code is incorrect."),
    "authentication_required": Decline(
        "authentication_required", None, "confirm_card_data", "Your card was declined. This transaction requires authentication.",
        hard=True,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Card:
    """A test number. `decline` is the code that its charges get, `attaches` whether a customer can have it all the same.

    `secure` is when 3-D Secure is asked for: always, or unless it was set up for use off session; `then` follows it.
    """

    brand: str = "visa"
    country: str = "US"
    funding: str = "credit"
    decline: str | None = None
    attaches: bool = True
    secure: str = ""
    then: str | None = None
    after: str = ""
    """What comes later of a charge: a dispute with its reason, an early fraud warning, a refund that fails or waits."""


def _refused(decline: str, **more: Any) -> Card:
    return Card(decline=decline, attaches=False, **more)


CARDS = {
    "4242424242424242": Card(),
    "4000056655665556": Card(funding="debit"),
    "5555555555554444": Card("mastercard"),
    "2223003122003222": Card("mastercard"),
    "5200828282828210": Card("mastercard", funding="debit"),
    "5105105105105100": Card("mastercard", funding="prepaid"),
    "378282246310005": Card("amex"),
    "371449635398431": Card("amex"),
    "6011111111111117": Card("discover"),
    "3056930009020004": Card("diners"),
    "3566002020360505": Card("jcb"),
    "6200000000000005": Card("unionpay"),
    "4000002760000016": Card(country="DE"),
    "4000008260000000": Card(country="GB"),
    "4000003560000008": Card(country="IN"),
    "4000003920000003": Card(country="JP"),
    "4000000000000002": _refused("generic_decline"),
    "4000000000009995": _refused("insufficient_funds"),
    "4000000000009987": _refused("lost_card"),
    "4000000000009979": _refused("stolen_card"),
    "4000000000000069": _refused("expired_card"),
    "4000000000000127": _refused("incorrect_cvc"),
    "4000000000000119": _refused("processing_error"),
    "4000000000006975": _refused("card_velocity_exceeded"),
    "4000000000000341": Card(decline="generic_decline"),
    "4100000000000019": Card(decline="fraudulent"),
    "4000002500003155": Card(secure="unless_set_up"),
    "4000002760003184": Card(secure="always"),
    "4000000000003220": Card(secure="always"),
    "4000003800000446": Card(),
    "4000008260003178": Card(secure="always", then="insufficient_funds"),
    "4000008400001629": Card(secure="always", then="generic_decline"),
    "4000000000003055": Card(),
    "4000000000000259": Card(after="dispute:fraudulent"),
    "4000000000002685": Card(after="dispute:product_not_received"),
    "4000000000005423": Card(after="warning"),
    "4000000000007726": Card(after="refund_pending"),
    "4000000000005126": Card(after="refund_fails"),
    "4000000000000077": Card(after="available_now"),
}
TOKENS = {
    "visa": "4242424242424242",
    "visa_debit": "4000056655665556",
    "mastercard": "5555555555554444",
    "mastercard_debit": "5200828282828210",
    "mastercard_prepaid": "5105105105105100",
    "amex": "378282246310005",
    "discover": "6011111111111117",
    "diners": "3056930009020004",
    "jcb": "3566002020360505",
    "unionpay": "6200000000000005",
    "de": "4000002760000016",
    "gb": "4000008260000000",
    "in": "4000003560000008",
    "jp": "4000003920000003",
    "chargeDeclined": "4000000000000002",
    "chargeDeclinedInsufficientFunds": "4000000000009995",
    "chargeDeclinedLostCard": "4000000000009987",
    "chargeDeclinedStolenCard": "4000000000009979",
    "chargeDeclinedExpiredCard": "4000000000000069",
    "chargeDeclinedIncorrectCvc": "4000000000000127",
    "chargeDeclinedProcessingError": "4000000000000119",
    "chargeDeclinedVelocityLimitExceeded": "4000000000006975",
    "chargeDeclinedFraudulent": "4100000000000019",
    "radarBlock": "4100000000000019",
    "chargeCustomerFail": "4000000000000341",
    "authenticationRequiredOnSetup": "4000002500003155",
    "authenticationRequired": "4000002760003184",
    "authenticationRequiredSetupForOffSession": "4000003800000446",
    "authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
    "threeDSecure2Required": "4000000000003220",
    "threeDSecureRequired": "4000000000003220",
    "threeDSecureRequiredChargeDeclined": "4000008400001629",
    "threeDSecureOptional": "4000000000003055",
    "createDispute": "4000000000000259",
    "createDisputeProductNotReceived": "4000000000002685",
    "createIssuerFraudRecord": "4000000000005423",
    "pendingRefund": "4000000000007726",
    "refundFail": "4000000000005126",
    "bypassPending": "4000000000000077",
}


def number_of(token: str) -> str | None:
    """The number behind `pm_card_visa`, `pm_card_visa_chargeDeclined`, `tok_visa` and their kin."""
    for prefix in ("pm_card_visa_", "tok_visa_", "pm_card_", "tok_"):
        name = token.removeprefix(prefix)
        if name != token and name in TOKENS:
            return TOKENS[name]
    return None


def known(number: str) -> Card:
    """What a number stands for.

    Raises:
        StripeError: not a card number, or none of Stripe's test numbers.
    """
    if not number.isdigit() or not _luhn(number):
        raise StripeError(402, "card_error", "Your card number is incorrect.", code="incorrect_number", param="number")
    if number not in CARDS:
        message = "Your card was declined. Your request was in test mode, but used a non test card."
        raise StripeError(402, "card_error", message, code="card_declined", decline_code="test_mode_live_card")
    return CARDS[number]


def details(number: str, exp_month: int, exp_year: int, now_year: int) -> Obj:
    """The `card` hash of a payment method.

    Raises:
        StripeError: impossible dates, a wrong number.
    """
    card = known(number)
    year = exp_year + 2000 if exp_year < 100 else exp_year
    if not 1 <= exp_month <= 12:
        raise _wrong("Your card's expiration month is invalid.", "exp_month")
    if not now_year <= year < now_year + 60:
        raise _wrong("Your card's expiration year is invalid.", "exp_year")
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": exp_month,
        "exp_year": year,
        "fingerprint": ids.fingerprint(),
        "funding": card.funding,
        "generated_from": None,
        "last4": number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def failure(decline: str, charge: str | None = None) -> Obj:
    """A decline as `last_payment_error` and the API's error tell it.

    Raises:
        StripeError: no such decline code.
    """
    if decline not in DECLINES:
        raise invalid(f"Unknown decline code {decline}.", "decline")
    one = DECLINES[decline]
    told = {
        "advice_code": one.advice,
        "charge": charge,
        "code": one.code,
        "decline_code": decline,
        "doc_url": f"https://stripe.com/docs/error-codes/{one.code.replace('_', '-')}",
        "message": one.message,
        "network_decline_code": one.network,
        "type": "card_error",
    }
    return {name: value for name, value in told.items() if value is not None}


def _wrong(message: str, param: str) -> StripeError:
    return StripeError(402, "card_error", message, code=f"invalid_{param.replace('exp_', 'expiry_')}", param=param)


def _luhn(number: str) -> bool:
    figures = [int(figure) for figure in reversed(number)]
    doubled = [figure * 2 - 9 if figure > 4 else figure * 2 for figure in figures[1::2]]
    return (sum(figures[::2]) + sum(doubled)) % 10 == 0
