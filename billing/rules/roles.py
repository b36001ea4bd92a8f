"""Who may do what: one table that the views, the API and the menu all read.

Laws. Admin may do everything. Support looks and never changes, and sees no settings, members or
keys. Finance owns settings, taxes, invoices, payments and wallets but not the catalogue. Manager
owns customers, subscriptions, coupons, wallets and invoices but not the catalogue, payments or
taxes. Keys and members are admin matters.

Example: `allowed("support", "customers.view")` is True, `allowed("support", "customers.edit")` is
False. An unknown permission is a programming error and raises KeyError.
"""

from enum import StrEnum


class Role(StrEnum):
    ADMIN = "admin"
    FINANCE = "finance"
    MANAGER = "manager"
    SUPPORT = "support"


_ADMIN = frozenset({Role.ADMIN})
_FINANCE = frozenset({Role.ADMIN, Role.FINANCE})
_MANAGER = frozenset({Role.ADMIN, Role.MANAGER})
_STAFF = frozenset({Role.ADMIN, Role.FINANCE, Role.MANAGER})
_ALL = frozenset(Role)

PERMISSIONS: dict[str, frozenset[Role]] = {
    "customers.view": _ALL,
    "customers.edit": _MANAGER,
    "customers.delete": _MANAGER,
    "customers.erase": _ADMIN,
    "catalog.view": _ALL,
    "catalog.edit": _ADMIN,
    "taxes.edit": _FINANCE,
    "coupons.view": _ALL,
    "coupons.edit": _MANAGER,
    "coupons.apply": _MANAGER,
    "subscriptions.view": _ALL,
    "subscriptions.edit": _MANAGER,
    "usage.view": _ALL,
    "events.view": _ALL,
    "events.edit": _ADMIN,
    "invoices.view": _ALL,
    "invoices.edit": _STAFF,
    "invoices.pay": _FINANCE,
    "credit_notes.view": _ALL,
    "credit_notes.edit": _STAFF,
    "wallets.view": _ALL,
    "wallets.edit": _STAFF,
    "jobs.view": _ALL,
    "jobs.retry": _STAFF,
    "audit.view": _ALL,
    "settings.view": _STAFF,
    "settings.edit": _FINANCE,
    "members.view": _STAFF,
    "members.edit": _ADMIN,
    "api_keys.view": _ADMIN,
    "api_keys.edit": _ADMIN,
    "webhooks.view": _ALL,
    "webhooks.edit": _ADMIN,
}


def allowed(role: str, permission: str) -> bool:
    """Whether a member with `role` has `permission`. An unknown role has none."""
    return role in PERMISSIONS[permission]


def roles_with(permission: str) -> list[str]:
    """The roles that have `permission`, in order."""
    return sorted(PERMISSIONS[permission])


def permissions_of(role: str) -> frozenset[str]:
    """Everything that `role` may do."""
    return frozenset(name for name, roles in PERMISSIONS.items() if role in roles)
