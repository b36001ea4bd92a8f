"""The rules of paying online: amounts, order, states."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.rules.paying import (
    AttemptState,
    ask_after,
    from_stripe,
    in_order,
    kenyan_number,
    next_state,
    only_here,
    to_stripe,
    unable,
)


@pytest.mark.parametrize(
    ("minor", "currency", "theirs"),
    [(1234, "EUR", 1234), (500, "JPY", 500), (5000, "UGX", 500000), (1200, "MGA", 12), (1230, "KWD", 1230)],
)
def test_amounts_at_stripe(minor: int, currency: str, theirs: int) -> None:
    assert (to_stripe(minor, currency), from_stripe(theirs, currency)) == (theirs, minor)


@pytest.mark.parametrize(
    ("kind", "minor", "currency", "why"),
    [
        ("stripe", 1250, "MGA", "whole MGA"),
        ("stripe", 1234, "KWD", "two decimals"),
        ("stripe", 1, "UGX", ""),
        ("paystack", 100, "EUR", "does not take EUR"),
        ("mpesa", 150, "KES", "whole shillings"),
        ("mpesa", 100, "UGX", "KES only"),
        ("mpesa", 100, "KES", ""),
    ],
)
def test_who_can_take_what(kind: str, minor: int, currency: str, why: str) -> None:
    found = unable(kind, minor, currency, email="a@b.example", phone="0712345678")
    assert why in found and bool(why) == bool(found)


@pytest.mark.parametrize("phone", ["+254 712 345 678", "0712345678", "254712345678", "712-345-678"])
def test_kenyan_numbers(phone: str) -> None:
    assert kenyan_number(phone) == "254712345678"
    assert kenyan_number(phone + "1") == kenyan_number("+256" + phone) == ""


def test_the_order() -> None:
    rows = [
        SimpleNamespace(type=kind, priority=place)
        for place, kind in enumerate(("stripe", "manual", "flutterwave", "paystack"), start=1)
    ]
    found = in_order(rows, preferred="paystack", disabled=["flutterwave"])
    assert [row.type for row in found] == ["paystack", "stripe"]


@given(st.lists(st.sampled_from(list(AttemptState))))
def test_success_is_for_good(told: list[AttemptState]) -> None:
    state = AttemptState.UNKNOWN
    for word in told:
        state = next_state(state, word)
    assert (state == AttemptState.SUCCESSFUL) == (AttemptState.SUCCESSFUL in told)


@pytest.mark.parametrize(
    ("age", "patient", "wait"),
    [
        (0, False, 1),
        (2.5, False, 0.5),
        (3, False, 5),
        (16 * 60, False, 15 * 60 + 53),
        (32 * 60, False, None),
        (32 * 60, True, 8 * 60),
        (30 * 24 * 60, True, None),
    ],
)
def test_when_an_attempt_is_asked_about_next(age: float, patient: bool, wait: float | None) -> None:
    """In minutes; it is asked when it is 1, 3, 8, 23, 53, 113, 233, 473, 953 and 1913 old."""
    found = ask_after(timedelta(minutes=age), patient=patient)
    assert found == (None if wait is None else timedelta(minutes=wait))


@pytest.mark.parametrize(
    ("url", "alone"),
    [
        ("http://localhost:8000", True),
        ("http://tarn:8000", True),
        ("https://billing.corp.internal", True),
        ("http://192.168.1.4", True),
        ("http://[::1]:8000", True),
        ("https://billing.acme.example", False),
        ("https://8.8.8.8", False),
    ],
)
def test_an_address_of_this_machine_is_none_for_a_provider(url: str, alone: bool) -> None:
    assert only_here(url) is alone
