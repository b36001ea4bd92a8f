"""Public ids: every accepted form decodes to the same UUID, foreign prefixes do not."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.ids import PREFIXES, decode, encode

ID = UUID("018f2f6e-7c3b-7cc0-8000-0123456789ab")


@given(st.uuids(), st.sampled_from(sorted(PREFIXES.values())))
def test_round_trip(value: UUID, prefix: str) -> None:
    text = encode(prefix, value)
    assert text == f"{prefix}_{value.hex}"
    for form in (text, text.upper(), f" {text} ", value.hex, str(value), f"{prefix}_{value}"):
        assert decode(prefix, form) == value


def test_customer_synonym() -> None:
    assert decode("cust", f"cus_{ID.hex}") == ID
    assert decode("inv", f"cus_{ID.hex}") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cust_",
        "cust_123",
        f"inv_{ID.hex}",
        f"cust__{ID.hex}",
        f"_{ID.hex}",
        f"{ID.hex}0",
        "' or 1=1",
        "cust",
    ],
)
def test_refused(text: str) -> None:
    assert decode("cust", text) is None


def test_prefixes_are_distinct() -> None:
    assert len(set(PREFIXES.values())) == len(PREFIXES)
