"""Paths name one value or are refused with the place and the remedy."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oppulence.metering.jsonpath import ABSENT, InvalidPath, parse, value_at

DATA = {"a": {"b": [{"c d": 1, "it's": 2}, [3, 4]]}, "": 5, "ключ": 6, "a.b": 7, "\\": 8}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", DATA),
        ("$.a.b[0]['c d']", 1),
        ("$['a'][\"b\"][0]['it\\'s']", 2),
        ('$.a.b[0]["it\'s"]', 2),
        ("$.a.b[1][-1]", 4),
        ("$['']", 5),
        ("$.ключ", 6),
        ("$['a.b']", 7),
        ("$['\\\\']", 8),
        ("$.a.b[2]", ABSENT),
        ("$.a.b[-3]", ABSENT),
        ("$.a[0]", ABSENT),
        ("$.a.b.c", ABSENT),
        ("$['0']", ABSENT),
    ],
)
def test_a_path_names_one_value(path: str, value: object) -> None:
    assert value_at(DATA, parse(path)) is value or value_at(DATA, parse(path)) == value


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "begins with '$'"),
        ("a.b", "begins with '$'"),
        ("$..a", "many values"),
        ("$.*", "many values"),
        ("$[*]", "character 2"),
        ("$[0:2]", "one index"),
        ("$[?(@.a)]", "one quoted name"),
        ("$.a-b", "character 4"),
        ("$.", "comes a name"),
        ("$.1a", "comes a name"),
        ("$.a b", "quoted"),
        ("$['a", "in brackets"),
        ("$[01]", "one index"),
        ("$[9999999]", "one index"),
        ("$['a\\n']", "in brackets"),
        ("$.a;DROP TABLE x", "quoted"),
        ("$.__import__('os').system('x')", "quoted"),
        ("$" + ".a" * 17, "16 steps"),
        ("$." + "a" * 600, "512 characters"),
    ],
)
def test_anything_else_is_refused_with_its_place(path: str, words: str) -> None:
    with pytest.raises(InvalidPath, match=words.replace("$", r"\$")):
        parse(path)


@given(st.text(max_size=40))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    try:
        steps = parse(text)
    except InvalidPath:
        return
    assert text.startswith("$") and all(isinstance(step, str | int) for step in steps)


@given(st.lists(st.text(min_size=1, max_size=8, alphabet=st.characters(min_codepoint=32)), min_size=1, max_size=6))
def test_every_member_can_be_named(names: list[str]) -> None:
    data: object = "found"
    for name in reversed(names):
        data = {name: data}
    quoted = "".join("['" + name.replace("\\", "\\\\").replace("'", "\\'") + "']" for name in names)
    assert value_at(json.loads(json.dumps(data)), parse("$" + quoted)) == "found"
