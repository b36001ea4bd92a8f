"""The Stripe client, call by call, against the server of the tests."""

from __future__ import annotations

from typing import Any

import pytest

from invoicing.clients.providers.base import Gone, KeySpent, ProviderError, Refused, Unavailable
from invoicing.clients.providers.registry import client_for
from invoicing.clients.providers.stripe import Stripe
from invoicing.rules.providers import FACTS
from tests.services.stripe import KEY, FakeStripe

FULL = dict.fromkeys(FACTS, "") | {
    "name": "Acme & Söhne",
    "email": "a@acme.example",
    "city": "Kampala",
    "country": "UG",
    "tarn_customer_id": "cust_1",
    "tarn_external_id": "acme-1",
}


@pytest.fixture
def client(stripe: FakeStripe, settings: Any) -> Stripe:
    return Stripe(KEY, base=settings.STRIPE_API_BASE, timeout=2)


def test_a_customer_through_its_life(client: Stripe, stripe: FakeStripe) -> None:
    id = client.create_customer(FULL, "key-1")
    assert client.fetch_customer(id) == FULL
    assert client.create_customer(FULL, "key-1") == id
    client.update_customer(id, {"city": "", "name": "Acme"}, FULL | {"city": "", "name": "Acme"})
    assert client.fetch_customer(id) == FULL | {"city": "", "name": "Acme"}
    assert client.find_customer(FULL) == id
    client.delete_customer(id)
    assert client.fetch_customer(id) is None
    assert client.find_customer(FULL) == ""
    with pytest.raises(Gone):
        client.delete_customer(id)
    with pytest.raises(Gone):
        client.update_customer(id, {"name": "x"}, FULL)
    assert client.fetch_customer("cus_unknown") is None


def test_requests_are_as_the_reference_says(client: Stripe, stripe: FakeStripe) -> None:
    client.create_customer(FULL, "key-1")
    [asked] = stripe.log
    assert (asked.method, asked.path, asked.key) == ("POST", "/v1/customers", "key-1")
    assert asked.form == {
        "name": "Acme & Söhne",
        "email": "a@acme.example",
        "address[city]": "Kampala",
        "address[country]": "UG",
        "metadata[tarn_customer_id]": "cust_1",
        "metadata[tarn_external_id]": "acme-1",
    }


def test_an_id_cannot_leave_its_place_in_the_address(client: Stripe, stripe: FakeStripe) -> None:
    stripe.add(name="Somebody")
    with pytest.raises(Gone):
        client.delete_customer("../customers/cus_00000000000001?x=")
    assert len(stripe.live()) == 1


@pytest.mark.parametrize(("lags", "has_search"), [(True, True), (False, False), (True, False)])
def test_found_by_e_mail_where_the_search_is_no_help(
    client: Stripe, stripe: FakeStripe, lags: bool, has_search: bool
) -> None:
    stripe.search_lags, stripe.has_search = lags, has_search
    for number in range(3):
        stripe.add(email="a@acme.example", name=f"Namesake {number}")
    id = client.create_customer(FULL, "key-1")
    assert client.find_customer(FULL) == id
    assert client.find_customer(FULL | {"tarn_customer_id": "cust_2"}) == ""


@pytest.mark.parametrize(
    ("fault", "kind", "text"),
    [
        (400, Refused, "Injected 400."),
        (401, Refused, "does not accept the secret key"),
        (402, Refused, "Injected 402."),
        (403, Refused, "may not do this"),
        (404, Gone, "Injected 404."),
        (409, Unavailable, "Injected 409."),
        (429, Unavailable, "Injected 429."),
        (500, Unavailable, "Injected 500."),
        (503, Unavailable, "Injected 503."),
        (302, Refused, "redirect"),
        ("garbage", Unavailable, "could not be read"),
        ("drop", Unavailable, "The connection failed"),
    ],
)
def test_what_each_failure_means(
    client: Stripe, stripe: FakeStripe, fault: Any, kind: type[ProviderError], text: str
) -> None:
    stripe.next(fault)
    with pytest.raises(kind, match=text) as caught:
        client.create_customer(FULL, "key-1")
    assert KEY not in str(caught.value)
    assert getattr(caught.value, "wait", 0) == (120 if fault == 429 else 0)


def test_a_key_is_spent_by_a_failure_that_is_kept_and_by_another_body(
    client: Stripe, stripe: FakeStripe
) -> None:
    stripe.next(500)
    with pytest.raises(Unavailable):
        client.create_customer(FULL, "key-1")
    with pytest.raises(KeySpent):
        client.create_customer(FULL, "key-1")
    client.create_customer(FULL, "key-2")
    with pytest.raises(KeySpent):
        client.create_customer(FULL | {"name": "Other"}, "key-2")


def test_pages_hold_everybody_once(client: Stripe, stripe: FakeStripe) -> None:
    made = {stripe.add(name=f"Customer {number}") for number in range(205)}
    seen: list[str] = []
    after = ""
    while True:
        page = client.list_customers(after)
        seen += page.customers
        after = page.after
        if not after:
            break
    assert sorted(seen) == sorted(made)
    assert len(stripe.log) == 3


def test_checking_tells_the_mode(client: Stripe, stripe: FakeStripe) -> None:
    assert client.check() == "The key works, in test mode."
    stripe.secret = client.secret_key = "rk_live_1"
    assert client.check() == "The key works, in live mode."


@pytest.mark.parametrize(
    ("kind", "credentials", "text"),
    [
        ("stripe", {}, "No secret key is stored"),
        ("stripe", {"secret_key": "sk\r\nX-Header: 1"}, "characters that no key has"),
        ("stripe", {"secret_key": "sk_ключ"}, "characters that no key has"),
        ("paystack", {"secret_key": "sk"}, "cannot be synchronised"),
    ],
)
def test_accounts_that_cannot_be_used(kind: str, credentials: dict[str, str], text: str) -> None:
    with pytest.raises(Refused, match=text):
        client_for(kind, credentials, timeout=1)


def test_a_private_address_is_not_asked(stripe: FakeStripe, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_PRIVATE = ""
    with pytest.raises(Refused, match="private network"):
        client_for("stripe", {"secret_key": KEY}, timeout=1).check()
    assert stripe.log == []
