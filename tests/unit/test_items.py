"""Plain values and DynamoDB's typed attributes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobyard.model import Status
from jobyard.store.items import attribute, item, plain, plain_item

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.text()
    | st.integers(-(10**37), 10**37)
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e30, max_value=1e30),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_a_value_comes_back_as_it_went_in(value: object) -> None:
    assert plain(attribute(value)) == value


def test_an_absent_value_is_an_absent_attribute() -> None:
    assert item({"a": None, "b": 0, "c": ""}) == {"b": {"N": "0"}, "c": {"S": ""}}


def test_a_status_is_kept_as_its_text() -> None:
    assert attribute(Status.RUNNING) == {"S": "running"}
    assert type(attribute(Status.RUNNING)["S"]) is str


def test_a_number_without_a_fraction_is_an_integer() -> None:
    assert plain_item({"n": {"N": "12"}, "m": {"N": "-3"}, "f": {"N": "0.5"}}) == {"n": 12, "m": -3, "f": 0.5}


@pytest.mark.parametrize("value", [b"x", {1, 2}, object()])
def test_a_type_that_the_table_does_not_hold_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        attribute(value)


def test_an_attribute_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(TypeError):
        plain({"NS": ["1"]})
