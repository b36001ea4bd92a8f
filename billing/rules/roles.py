"""Who may do what: one table that the views and the menu both read.

Example: `allowed("support", "invoices.view")` is true, `allowed("support", "invoices.edit")` is not.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A member's role in an organization."""

    ADMIN = "admin"
    FINANCE = "finance"
    MANAGER = "manager"
    SUPPORT = "support"


ADMIN = frozenset({Role.ADMIN})
FINANCE = frozenset({Role.ADMIN, Role.FINANCE})
MANAGER = frozenset({Role.ADMIN, Role.MANAGER})
STAFF = frozenset({Role.ADMIN, Role.FINANCE, Role.MANAGER})
ALL = frozenset(Role)

PERMISSIONS: dict[str, frozenset[Role]] = {
    "customers.view": ALL,
    "customers.edit": MANAGER,
    "customers.delete": MANAGER,
    "catalog.view": ALL,
    "catalog.edit": ADMIN,
    "taxes.edit": FINANCE,
    "coupons.view": ALL,
    "coupons.edit": ADMIN,
    "coupons.apply": MANAGER,
    "subscriptions.view": ALL,
    "subscriptions.edit": MANAGER,
    "usage.view": ALL,
    "invoices.view": ALL,
    "invoices.edit": STAFF,
    "invoices.pay": STAFF,
    "credit_notes.view": ALL,
    "credit_notes.edit": STAFF,
    "wallets.view": ALL,
    "wallets.edit": STAFF,
    "events.view": ALL,
    "events.edit": ADMIN,
    "jobs.view": ALL,
    "jobs.retry": STAFF,
    "audit.view": ALL,
    "settings.view": STAFF,
    "settings.edit": FINANCE,
    "members.view": STAFF,
    "members.edit": ADMIN,
    "api_keys.view": ADMIN,
    "api_keys.edit": ADMIN,
}


def allowed(role: str, permission: str) -> bool:
    """Whether the role has the permission. An unknown permission is a programming error (KeyError)."""
    return role in PERMISSIONS[permission]
