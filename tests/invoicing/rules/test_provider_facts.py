"""What providers are told, what differs, and how long is waited."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest

from invoicing.models.provider import ProviderType
from invoicing.rules.providers import (
    COLUMNS,
    CREDENTIALS,
    FACTS,
    LABELS,
    columns_of,
    drift_of,
    facts_of,
    secret_of,
    unsent,
    wait_after,
)

KEY = UUID("018f2f6e-7c3b-7cc0-8000-0123456789ab")


def customer(**fields: object) -> SimpleNamespace:
    blank = dict.fromkeys(COLUMNS.values(), "") | {"pk": KEY, "external_id": "acme-1", "display_name": "Acme"}
    return SimpleNamespace(**(blank | fields))


def test_the_facts_of_a_customer() -> None:
    facts = facts_of(
        customer(name="Ignored for the display name", email="a@acme.example", address_line1="1 Way")
    )
    assert set(facts) == set(FACTS) == set(LABELS)
    assert (facts["name"], facts["email"], facts["line1"], facts["city"]) == (
        "Acme",
        "a@acme.example",
        "1 Way",
        "",
    )
    assert facts["tarn_customer_id"] == "cust_018f2f6e7c3b7cc080000123456789ab"
    assert facts["tarn_external_id"] == "acme-1"


@pytest.mark.parametrize(
    ("sent", "facts", "missing"),
    [
        ({}, {"name": "Acme", "city": ""}, {"name": "Acme"}),
        ({"name": "Acme"}, {"name": "Acme"}, {}),
        ({"name": "Acme", "city": "Kampala"}, {"name": "Acme", "city": ""}, {"city": ""}),
        ({"name": "Acme"}, {"name": "Acme Ltd"}, {"name": "Acme Ltd"}),
    ],
)
def test_what_has_not_been_sent(sent: dict, facts: dict, missing: dict) -> None:
    assert unsent(sent, facts) == missing


@pytest.mark.parametrize(
    ("ours", "theirs", "drift"),
    [
        ({"name": "Acme"}, {"name": "Acme"}, {}),
        ({"name": "Acme"}, {"name": " Acme "}, {}),
        ({"name": "Acme"}, {"name": "acme"}, {"name": ["Acme", "acme"]}),
        ({"email": "a@acme.example"}, {"email": "A@Acme.example"}, {}),
        ({"city": "Kampala"}, {}, {"city": ["Kampala", ""]}),
        ({}, {"phone": "1"}, {"phone": ["", "1"]}),
        ({"name": "Acme"}, {"name": "Acme", "balance": "7"}, {}),
    ],
)
def test_what_differs(ours: dict, theirs: dict, drift: dict) -> None:
    assert drift_of(ours, theirs) == drift


def test_our_ids_are_never_taken_over() -> None:
    drift = {"name": ["A", "B"], "line1": ["", "1 Way"], "tarn_customer_id": ["cust_1", "cust_2"]}
    assert columns_of(drift) == {"name": "B", "address_line1": "1 Way"}


@pytest.mark.parametrize(
    ("attempts", "asked", "wait"),
    [
        (1, 0, timedelta(minutes=1)),
        (1, 120, timedelta(minutes=2)),
        (2, 120, timedelta(minutes=5)),
        (8, 0, timedelta(hours=24)),
        (1, 10**9, timedelta(hours=24)),
        (9, 0, None),
    ],
)
def test_waits(attempts: int, asked: float, wait: timedelta | None) -> None:
    assert wait_after(attempts, asked) == wait


@pytest.mark.parametrize(
    ("credentials", "found"),
    [
        ({"secret_key": "a"}, "a"),
        ({"secretKey": " a "}, "a"),
        ({"SECRET-KEY": "a"}, "a"),
        ({"apiKey": "a"}, "a"),
        ({"apiKey": "b", "secret_key": "a"}, "a"),
        ({"publishable_key": "a"}, ""),
        ({"secret_key": None}, ""),
        ({}, ""),
    ],
)
def test_the_secret_key_in_every_spelling(credentials: dict, found: str) -> None:
    assert secret_of(credentials, "secret_key") == found


def test_every_kind_says_what_it_needs() -> None:
    assert set(CREDENTIALS) == set(ProviderType.values)
