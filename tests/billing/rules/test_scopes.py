"""Which scope an address needs, and what a key may give away."""

from __future__ import annotations

import pytest

from billing.rules.scopes import beyond, grants, scope_of

RESOURCES = frozenset(
    {
        "customers",
        "invoices",
        "wallets",
        "plans",
        "charges",
        "coupons",
        "payment-providers",
        "alerts",
        "events",
    }
)


@pytest.mark.parametrize(
    ("method", "route", "scope"),
    [
        ("GET", "customers", "customers:read"),
        ("HEAD", "customers/{id}", "customers:read"),
        ("POST", "customers", "customers:write"),
        ("DELETE", "customers/<str:id>", "customers:write"),
        ("GET", "customers/{id}/invoices", "invoices:read"),
        ("POST", "customers/{id}/wallets", "wallets:write"),
        ("GET", "customers/{id}/usage/past", "customers:read"),
        ("PATCH", "customers/{id}/payment-providers", "customers:write"),
        ("GET", "customers/external/{path:reference}", "customers:read"),
        ("GET", "wallets/{id}/alerts/{alert_id}/crossings", "alerts:read"),
        ("PATCH", "plans/{ref}/charges/{charge_id}", "plans:write"),
        ("POST", "charges/preview", "plans:read"),
        ("POST", "invoices/preview", "invoices:read"),
        ("POST", "plans/{ref}/price-effect", "plans:read"),
        ("POST", "events/batch", "events:write"),
        ("POST", "coupons/apply", "coupons:write"),
    ],
)
def test_the_last_noun_with_routes_of_its_own_decides(method: str, route: str, scope: str) -> None:
    assert scope_of(method, route, RESOURCES) == scope


@pytest.mark.parametrize(
    ("own", "wanted", "may"),
    [
        ([], "plans:write", True),
        (["plans:read"], "plans:read", True),
        (["plans:read"], "plans:write", False),
        (["plans:write"], "plans:read", True),
        (["customers:write"], "plans:read", False),
        (["*:read"], "plans:read", True),
        (["*:read"], "plans:write", False),
        (["*:write"], "plans:write", True),
    ],
)
def test_writing_includes_reading(own: list[str], wanted: str, may: bool) -> None:
    assert grants(own, wanted) is may


@pytest.mark.parametrize(
    ("own", "wanted", "more"),
    [
        ([], [], []),
        ([], ["*:write"], []),
        (["plans:read"], [], ["*:write"]),
        (["plans:write"], ["plans:read"], []),
        (["plans:read"], ["plans:write", "plans:read"], ["plans:write"]),
        (["*:read"], ["*:read", "plans:read"], []),
        (["plans:write", "coupons:write"], ["*:read"], ["*:read"]),
        (["*:write"], [], []),
    ],
)
def test_nobody_gives_away_more_than_they_have(own: list[str], wanted: list[str], more: list[str]) -> None:
    assert beyond(wanted, own) == more
