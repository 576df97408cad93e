"""Ids sort by the time they were made in; money is whole minor units of one currency."""

import re
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oppulence.kernel import ids, money
from oppulence.kernel.money import CurrencyMismatch, Money

AMOUNTS = st.integers(min_value=-(10**15), max_value=10**15)


def test_an_id_is_a_prefix_and_twenty_characters() -> None:
    assert re.fullmatch(r"ws_[a-zA-Z0-9]{20}", ids.new_id("ws"))


def test_text_order_is_the_order_of_creation() -> None:
    made = []
    for _ in range(5):
        made.append(ids.new_id("ev"))
        time.sleep(0.002)
    assert made == sorted(made)
    assert "".join(sorted(ids.ALPHABET)) == ids.ALPHABET


def test_many_ids_of_one_moment_differ() -> None:
    assert len({ids.new_id("ev") for _ in range(20_000)}) == 20_000


def test_the_same_parts_give_the_same_id_and_no_others_do() -> None:
    assert ids.id_of("dl", "a", "b") == ids.id_of("dl", "a", "b")
    assert len({ids.id_of("dl", *parts) for parts in (("a", "b"), ("ab",), ("a", "b", ""), ("b", "a"))}) == 4
    assert ids.is_id(ids.id_of("dl", "a"), "dl")


@given(st.integers(min_value=0, max_value=62**8 - 1), st.integers(min_value=0, max_value=62**8 - 1))
def test_encoding_keeps_the_order_of_numbers(first: int, second: int) -> None:
    encoded = ids._encode(first, 8), ids._encode(second, 8)
    assert (first < second) == (encoded[0] < encoded[1])


def test_time_fits_its_eight_characters_for_the_next_thousand_years() -> None:
    assert (time.time() + 1_000 * 31_557_600) * 1_000 < 62**8


@given(st.text(max_size=40))
def test_only_the_exact_shape_is_an_id(text: str) -> None:
    assert ids.is_id(text, "ws") == bool(re.fullmatch(r"ws_[0-9A-Za-z]{20}", text))


@pytest.mark.parametrize(
    "change", [lambda one: one + "\n", lambda one: one[:-1], lambda one: one + "a", str.upper, lambda one: " " + one]
)
def test_near_misses_are_no_ids(change: object) -> None:
    assert not ids.is_id(change(ids.new_id("ws")), "ws")  # type: ignore[operator]
    assert not ids.is_id(ids.new_id("wsx"), "ws")


@given(AMOUNTS, AMOUNTS)
def test_amounts_add_and_take_back(first: int, second: int) -> None:
    one, two = Money(first, "USD"), Money(second, "USD")
    assert one + two - two == one
    assert (-one) + one == Money(0, "USD")


def test_currencies_do_not_mix() -> None:
    for combine in (Money.__add__, Money.__sub__):
        with pytest.raises(CurrencyMismatch):
            combine(Money(1, "USD"), Money(1, "EUR"))


@pytest.mark.parametrize("amount", [1.0, True, "1", Decimal(1), None])
def test_minor_units_are_whole_numbers(amount: object) -> None:
    with pytest.raises(TypeError):
        Money(amount, "USD")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(Money(2610, "USD"), "26.10 USD"), (Money(2610, "JPY"), "2,610 JPY"), (Money(1234567, "KWD"), "1,234.567 KWD"),
     (Money(-5, "EUR"), "-0.05 EUR"), (Money(0, "USD"), "0.00 USD")],
)  # fmt: skip
def test_an_amount_shows_its_currencys_places(amount: Money, shown: str) -> None:
    assert str(amount) == shown


@given(AMOUNTS, st.sampled_from(["USD", "JPY", "KWD"]))
def test_the_shown_amount_is_the_exact_one(amount: int, currency: str) -> None:
    shown = Decimal(str(Money(amount, currency)).split()[0].replace(",", ""))
    assert shown.scaleb(money.exponent(currency)) == amount
