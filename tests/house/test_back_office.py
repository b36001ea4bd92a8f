"""The operator's back office: every list and row opens, what is fixed stays fixed, changes are noted."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import AuditEntry, Organization, User
from invoicing.models import Mail
from tests.factories.people import PASSWORD, sign_in
from tests.factories.world import World, make_world

pytestmark = pytest.mark.django_db
FIXED = [
    "AuditEntry",
    "Event",
    "QuarantinedEvent",
    "WalletEntry",
    "Wallet",
    "Job",
    "Payment",
    "WriteOff",
    "Remittance",
    "CreditNote",
    "Sequence",
]


@pytest.fixture
def world() -> World:
    """Rows of every kind."""
    return make_world("alpha")


@pytest.fixture
def operator() -> Client:
    """A superuser's browser."""
    client = Client()
    user = User.objects.create_superuser("operator@example.com", PASSWORD)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def address(model: type, kind: str, *args: object) -> str:
    """The admin's address of a model."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{kind}", args=args)  # type: ignore[attr-defined]


def test_every_list_and_row_opens_and_nothing_can_be_added_or_deleted(world: World, operator: Client) -> None:
    ours = [
        model
        for model in admin.site._registry
        if model._meta.app_label in {"billing", "invoicing", "customers"}
    ]
    assert len(ours) > 15
    for model in ours:
        assert operator.get(address(model, "changelist"), {"q": "alpha"}).status_code == 200, model
        row = model._default_manager.first()
        assert row is not None, model
        assert operator.get(address(model, "change", row.pk)).status_code == 200, model
        assert operator.get(address(model, "add")).status_code == 403, model
        assert operator.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403, model


@pytest.mark.parametrize("name", FIXED)
def test_records_cannot_be_changed(world: World, operator: Client, name: str) -> None:
    model = next(model for model in apps.get_models() if model.__name__ == name)
    row = model._default_manager.first()
    assert row is not None
    assert operator.post(address(model, "change", row.pk), {}).status_code == 403


def test_issued_invoice_is_read_only(world: World, operator: Client) -> None:
    invoice = world.objects["invoices"]
    response = operator.post(address(type(invoice), "change", invoice.pk), {"notes": "forged"})
    assert response.status_code == 403
    invoice.refresh_from_db()
    assert invoice.notes == ""


def test_change_is_noted_with_the_operator(world: World, operator: Client) -> None:
    data = {"name": "Renamed", "default_currency": "EUR", "timezone": "UTC"}
    assert operator.post(address(Organization, "change", world.organization.pk), data).status_code == 302
    entry = AuditEntry.objects.get(action="organization.changed_by_operator")
    assert (entry.changes, entry.actor_label) == (
        {"name": ["alpha", "Renamed"]},
        "operator@example.com (operator)",
    )


def test_members_are_not_operators(world: World) -> None:
    client = sign_in(Client(), world.admin)
    assert client.get("/admin/").status_code == 302
    assert client.get(address(Organization, "changelist")).status_code == 302


def test_the_list_of_mails_does_not_load_the_letters(world: World, operator: Client) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert operator.get(address(Mail, "changelist")).status_code == 200
    assert not [query for query in asked.captured_queries if '"html"' in query["sql"]]
    assert operator.get(address(Mail, "change", world.objects["mails"].pk)).status_code == 200
