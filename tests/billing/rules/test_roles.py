"""The table of permissions says what the four roles are for."""

import pytest

from billing.rules.roles import PERMISSIONS, Role, allowed, permissions_of


def test_admin_may_everything() -> None:
    assert permissions_of(Role.ADMIN) == set(PERMISSIONS)


def test_support_only_looks() -> None:
    assert all(name.endswith(".view") for name in permissions_of(Role.SUPPORT))
    assert not permissions_of(Role.SUPPORT) & {"settings.view", "members.view", "api_keys.view"}


def test_finance_and_manager() -> None:
    finance, manager = permissions_of(Role.FINANCE), permissions_of(Role.MANAGER)
    assert {"taxes.edit", "invoices.edit", "invoices.pay", "wallets.edit", "catalog.view"} <= finance
    assert not finance & {
        "catalog.edit",
        "customers.edit",
        "subscriptions.edit",
        "members.edit",
        "api_keys.edit",
    }
    assert {
        "customers.edit",
        "customers.delete",
        "subscriptions.edit",
        "coupons.apply",
        "wallets.edit",
    } <= manager
    assert not manager & {"catalog.edit", "taxes.edit", "invoices.pay", "settings.edit", "api_keys.view"}


def test_strangers_and_typos() -> None:
    assert not allowed("owner", "customers.view")
    assert not allowed("", "customers.view")
    with pytest.raises(KeyError):
        allowed(Role.ADMIN, "customers.fly")
