"""Search's normal form: what is typed finds what was stored, whatever the case, accents and composition."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oppulence.customers.errors import TooManyWords
from oppulence.customers.search import TERM_MAX, after, normal, terms_of, words_of

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
names = st.lists(st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd"]), min_size=1, max_size=12), min_size=1, max_size=5)


@given(texts)
def test_the_normal_form_of_a_normal_form_is_itself(text: str) -> None:
    assert normal(normal(text)) == normal(text)


@given(texts)
def test_case_and_composition_make_no_difference(text: str) -> None:
    folded = normal(text)
    assert {normal(unicodedata.normalize(form, text)) for form in ("NFC", "NFD", "NFKC", "NFKD")} == {folded}
    assert {normal(text.casefold()), normal(text.upper())} == {folded}


@given(texts, texts, st.lists(texts, max_size=3))
def test_terms_are_short_and_never_empty(key: str, name: str, emails: list[str]) -> None:
    for term in terms_of(key, name, emails):
        assert 1 <= len(term) <= TERM_MAX and len(term.encode()) <= 4 * TERM_MAX and not term.isspace()


@given(names, st.data())
def test_the_beginning_of_any_word_of_a_name_finds_it(words: list[str], data: st.DataObject) -> None:
    terms = terms_of(None, " ".join(words), ())
    chosen = normal(data.draw(st.sampled_from(words)))
    typed = chosen[: data.draw(st.integers(1, max(1, len(chosen))))].upper()
    for word in words_of(typed):
        assert any(word <= term < after(word) for term in terms), (word, terms)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=200))
def test_a_key_is_found_by_itself(key: str) -> None:
    try:
        words = words_of(key)
    except TooManyWords:  # some characters unfold into words of their own; more than eight are refused
        return
    terms = terms_of(key, None, ())
    for word in words[:8]:
        assert any(word <= term < after(word) for term in terms)


@given(texts.filter(bool), texts)
def test_the_range_holds_exactly_what_begins_with_the_word(word: str, rest: str) -> None:
    inside = word <= rest < after(word)
    assert inside == rest.startswith(word) or rest.startswith(word + "\U0010ffff")
    assert word <= word + rest.replace("\U0010ffff", "") < after(word)


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("Zoë MÜLLER", {"zoe", "muller"}),
        ("Straße", {"strasse"}),
        ("O'Neil-Díaz", {"o'neil-diaz", "neil-diaz", "diaz", "oneildiaz"}),
        ("ﬁne ｗｉｄｅ", {"fine", "wide"}),
        ("İstanbul Işık", {"istanbul", "isik"}),
        ("東京 株式会社", {"東京", "株式会社"}),
        ("zero\u200bwidth", {"zerowidth"}),
        ("  \t ", set()),
    ],
)
def test_names_as_people_write_them(name: str, terms: set[str]) -> None:
    assert terms_of(None, name, ()) == terms


def test_words_that_say_nothing_more_are_left_out() -> None:
    assert words_of("ann anna AN") == ["anna"]
    assert words_of("bo anna, ,") == ["anna", "bo"]
    with pytest.raises(TooManyWords):
        words_of("a b c d e f g h i")
