"""What the original's language does, as the openreplay dialect needs it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobyard.dialects.openreplay.golang import NotANumber, atoi, quote, to_json


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_integer_of_64_bits_is_read(number: int) -> None:
    assert atoi(str(number)) == number
    assert atoi(f"{number:+025d}") == number


@given(st.integers(min_value=2**63) | st.integers(max_value=-(2**63) - 1))
def test_every_other_integer_is_out_of_range(number: int) -> None:
    with pytest.raises(NotANumber, match="value out of range"):
        atoi(str(number))


@given(st.text())
def test_any_text_is_a_number_or_refused(text: str) -> None:
    plain = text.removeprefix("+") if text[:1] == "+" else text.removeprefix("-")
    if plain and set(plain) <= set("0123456789"):
        atoi(text[:10])
    else:
        with pytest.raises(NotANumber, match="invalid syntax"):
            atoi(text)


@given(st.text())
def test_what_is_quoted_can_be_seen_and_stands_in_one_line(text: str) -> None:
    quoted = quote(text)
    assert quoted[0] == quoted[-1] == '"'
    assert quoted.isprintable()


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", '""'),
        ("Hello", '"Hello"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\x00\x1f\x7f", r'"\x00\x1f\x7f"'),
        ("\x80\u00a0\u00ad\u2028\ufeff", r'"\u0080\u00a0\u00ad\u2028\ufeff"'),
        ("☺\u263a\U0001f4a9", '"☺☺💩"'),
        ("\U000e0001", r'"\U000e0001"'),
        ("'\"\\", r'''"'\"\\"'''),
    ],
)
def test_quoting(text: str, quoted: str) -> None:
    assert quote(text) == quoted


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_json_means_what_it_was_made_of_and_is_safe_in_a_page(content: dict[str, str | int | None]) -> None:
    written = to_json(content)
    assert json.loads(written) == content
    assert not set("<>&\u2028\u2029") & set(written)
