"""Who may do what: one table that the views, the API and the menu all read.

Laws. Admin may do everything. Support looks and never changes. Finance owns taxes, invoices,
payments and wallets but not the catalogue. Manager owns customers, subscriptions, coupons,
wallets and invoices but not the catalogue, payments or taxes. Keys and members are admin matters.

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
_BOTH = frozenset({Role.ADMIN, Role.FINANCE, Role.MANAGER})
_ALL = frozenset(Role)

PERMISSIONS: dict[str, frozenset[Role]] = {
    "customers.view": _ALL,
    "customers.edit": _MANAGER,
    "customers.delete": _MANAGER,
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
    "events.edit": _MANAGER,
    "invoices.view": _ALL,
    "invoices.edit": _BOTH,
    "invoices.pay": _FINANCE,
    "credit_notes.view": _ALL,
    "credit_notes.edit": _FINANCE,
    "wallets.view": _ALL,
    "wallets.edit": _BOTH,
    "jobs.view": _ALL,
    "jobs.retry": _BOTH,
    "audit.view": _ALL,
    "settings.view": _ALL,
    "settings.edit": _ADMIN,
    "members.view": _ADMIN,
    "members.edit": _ADMIN,
    "api_keys.view": _ADMIN,
    "api_keys.edit": _ADMIN,
}


def allowed(role: str, permission: str) -> bool:
    """Whether a member with `role` has `permission`. An unknown role has none."""
    return role in PERMISSIONS[permission]


def permissions_of(role: str) -> frozenset[str]:
    """Everything that `role` may do."""
    return frozenset(name for name, roles in PERMISSIONS.items() if role in roles)
