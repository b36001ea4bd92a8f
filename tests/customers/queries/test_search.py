"""The search over everything finds the customers that a look at each row finds, those that begin so first."""

from __future__ import annotations

from random import Random

import pytest

from billing.orm.search import fold
from customers.models import Customer
from customers.queries import search as searching
from customers.queries.search import search
from tests.customers.queries.test_narrow import world
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db
TERMS = (
    "steel",
    "Steel",
    "ste",
    "arzte",
    "lunar nord",
    "person1",
    "ext-7",
    "reseller",
    "+4930",
    "First",
    "nobody",
)
CUSTOMERS = frozenset({"customer"})


def begins(customer: Customer, term: str) -> bool:
    return customer.name.startswith((term, term.lower(), term.upper(), term.capitalize()))


def test_customers_as_a_look_at_each_row_finds_them() -> None:
    organization, other = make_organization("Acme"), make_organization("Else")
    world(organization, Random(5))
    world(other, Random(6))
    every = list(Customer.objects.of(organization).kept())
    for term in TERMS:
        wanted = [one for one in every if all(word in one.search_text for word in fold(term).split())]
        wanted.sort(key=lambda one: (not begins(one, term), one.name, one.pk))
        found = search(organization, term, CUSTOMERS, 5)
        assert [row for group in found for row in group.rows] == wanted[:5], term
        assert [group.more for group in found] == ([len(wanted) > 5] if wanted else []), term


def test_of_a_frequent_term_only_some_are_sorted_but_all_that_begin_so_come_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(searching, "AMONG", 3)
    organization = make_organization()
    world(organization, Random(5))
    every = list(Customer.objects.of(organization).kept())
    first = sorted((one for one in every if begins(one, "blue")), key=lambda one: (one.name, one.pk))
    assert len(first) > 6
    (group,) = search(organization, "blue", CUSTOMERS, 6)
    assert group.rows == first[:6] and group.more
    (group,) = search(organization, "example", CUSTOMERS, 2)
    assert len(group.rows) == 2 and group.more
    assert all("example" in row.search_text for row in group.rows)
