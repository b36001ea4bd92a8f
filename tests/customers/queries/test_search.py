"""The search over everything finds the same first customers, however they are looked for."""

from __future__ import annotations

import pytest

from customers.models import Customer
from customers.queries import search
from tests.factories.customers import make_customer
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("few", "near"),
    [(100, 100), (2, 100), (2, 4), (2, 1)],
    ids=["few are sorted", "many, all near", "many, enough near", "many, too few near"],
)
def test_the_first_by_name(monkeypatch: pytest.MonkeyPatch, few: int, near: int) -> None:
    monkeypatch.setattr(search, "FEW", few)
    monkeypatch.setattr(search, "NEAR", near)
    organization, other = make_organization("Acme"), make_organization("Else")
    for name in ("Zeta Steel", "Alpha Steel", "Beta Paper", "Alpha Steel", "Gamma STEEL", "Delta Steel"):
        make_customer(organization, name=name)
    make_customer(other, name="Aaa Steel")
    fitting = Customer.objects.of(organization).filter(name__icontains="steel")
    wanted = list(fitting.order_by("name", "pk"))
    assert len(wanted) == 5
    for most in (1, 2, 4):
        assert list(search.customers(organization, "steel", most)[: most + 1]) == wanted[: most + 1]
    [group] = search.search(organization, "steel", frozenset({"customer"}), 2)
    assert group.rows == wanted[:2] and group.more
