"""The list of wallets finds what a naive look at each wallet finds, asked in both ways, and adds it up alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import product
from random import Random
from typing import Any

import pytest

from billing.actions.wallet_opening import end_untouched, open_primary
from billing.models import Wallet
from billing.orm.search import fold
from customers.models import Customer
from customers.queries.wallet_list import wallet_totals, wallets_narrowed
from tests.customers.queries.test_narrow import world
from tests.factories.people import NOW, make_organization

pytestmark = pytest.mark.django_db


def said(wallet: Wallet, term: str) -> bool:
    own = all(word in wallet.customer.search_text for word in fold(term).split())
    return own or term.lower() in wallet.name.lower()


def shown(wallet: Wallet, values: dict[str, Any]) -> bool:
    """Those in use; with a word also the unused ones that are there; what `use` says."""
    unused = wallet.untouched and wallet.status == "active"
    kinds = {"never": unused, "all": True, "": not wallet.untouched or ("q" in values and unused)}
    return kinds[values.get("use", "")]


ASKED: list[tuple[dict[str, Any], Callable[[Wallet], bool]]] = [
    ({}, lambda one: True),
    ({"use": "never"}, lambda one: True),
    ({"use": "all"}, lambda one: True),
    ({"q": "steel"}, lambda one: said(one, "steel")),
    ({"q": "lunar nord"}, lambda one: said(one, "lunar nord")),
    ({"q": "ZEBRA"}, lambda one: said(one, "zebra")),
    ({"q": "ext-11"}, lambda one: said(one, "ext-11")),
    ({"q": "nobody"}, lambda one: False),
    ({"status": "terminated"}, lambda one: one.status == "terminated"),
    ({"currency": "JPY"}, lambda one: one.currency == "JPY"),
    ({"mode": "postpaid"}, lambda one: one.customer.mode == "postpaid"),
    ({"primary": "no"}, lambda one: not one.is_primary),
    ({"balance": "negative"}, lambda one: one.balance_minor < 0),
    ({"balance": "positive"}, lambda one: one.balance_minor > 0),
    ({"balance": "empty"}, lambda one: one.balance_minor == 0),
    (
        {"balance": "low"},
        lambda one: (
            one.status == "active"
            and not one.untouched
            and one.low_balance_minor is not None
            and one.balance_minor < one.low_balance_minor
        ),
    ),
]


def test_wallets_as_a_look_at_each_finds_them() -> None:
    dice = Random(3)
    organization, other = make_organization("Acme"), make_organization("Else")
    for one in (organization, other):
        world(one, dice)
        for customer in Customer.objects.of(one).filter(wallets=None):
            names = dice.choice([[], [""], ["Zebra savings"], ["", "Blue steel"]])
            for name in names:
                add(customer, name, dice)
            if not names:
                unused = open_primary(customer, at=NOW)
                end_untouched(Wallet.objects.filter(pk=unused.pk, customer__sequence__gt=1010), at=NOW)
    assert {(one.untouched, one.status) for one in Wallet.objects.all()} == set(
        product((True, False), ("active", "terminated"))
    )
    every = list(Wallet.objects.of(organization).select_related("customer"))
    for chosen in [[part] for part in ASKED] + [dice.sample(ASKED, k=2) for _ in range(40)]:
        values = {name: value for asked, _ in chosen for name, value in asked.items()}
        if len(values) < sum(len(asked) for asked, _ in chosen):
            continue
        wanted = [one for one in every if shown(one, values) and all(meant(one) for _, meant in chosen)]
        found = wallets_narrowed(organization, values)
        for rows in (found.rows, found.walk):
            assert set(rows.values_list("pk", flat=True)) == {one.pk for one in wanted}, values
            held, count = Counter[str](), Counter[str]()
            for one in wanted:
                held[one.currency] += max(0, one.balance_minor)
                count[one.currency] += 1
            totals = wallet_totals(rows, NOW)
            assert {total.currency: total.held_minor for total in totals} == dict(held), values
            assert {total.currency: total.count for total in totals} == dict(count), values


def add(customer: Customer, name: str, dice: Random) -> None:
    """A wallet as a row; what stands in the ledger does not matter here."""
    balance = dice.choice([0, 0, 500, 700, -300])
    ended = balance == 0 and dice.random() < 0.3
    Wallet.objects.create(
        organization_id=customer.organization_id,
        customer=customer,
        name=name,
        currency=customer.currency,
        is_primary=name == "",
        balance_minor=balance,
        credit_limit_minor=300,
        low_balance_minor=dice.choice([None, 600]),
        status="terminated" if ended else "active",
        terminated_at=NOW if ended else None,
    )
