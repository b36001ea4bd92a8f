"""The page and the API are two doors to one action: the same case through either leaves the same rows and the same
audit lines. Each case runs in an organization of its own; then the two are compared without ids and moments.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.db import models
from django.test import Client

from billing.models import AuditEntry, Coupon, Organization, Plan, Wallet
from billing.orm.scoped import Scoped
from customers import tasks
from customers.models import Customer
from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import Invoice
from tests.factories.api import Api
from tests.factories.catalog import make_coupon, make_metric, make_plan
from tests.factories.customers import make_customer
from tests.factories.invoicing import default_tax, make_wallet, set_entity
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
HEX_ID = re.compile(r"[0-9a-f]{32}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)")  # of today, in the data of an event
DOOR_ROWS = {"ApiCall", "ApiKey", "Member"}  # what the doors themselves need and note


@dataclass
class House:
    """An organization with what the cases work on, and both of its doors."""

    organization: Organization
    staff: Client
    api: Api
    customer: Customer
    plan: Plan
    coupon: Coupon
    wallet: Wallet
    invoice: Invoice

    def post(self, path: str, body: dict[str, Any]) -> None:
        """A form of the page, sent as a browser without JavaScript would."""
        answer = self.staff.post(path, body)
        assert answer.status_code == 302, (
            path,
            answer.status_code,
            answer.context and answer.context.get("form"),
        )


def make_house() -> House:
    """The same house each time."""
    organization = make_organization("House")
    set_entity(organization, number_prefix="HOU", grace_period_days=0)
    default_tax(organization, "20", code="vat")
    customer = make_customer(
        organization, name="Given", external_id="given", email="g@example.com", currency="EUR"
    )
    draft = create_one_off(customer, [Item("Work", Decimal(50))], by=ACTOR, at=NOW)
    return House(
        organization,
        sign_in(Client(), make_member(organization)),
        Api(organization),
        customer,
        make_plan(organization, [make_metric(organization, "calls")], code="team", pay_in_advance=True),
        make_coupon(organization, code="ten"),
        make_wallet(customer, "5", NOW, name="Prepaid"),
        draft,
    )


CUSTOMER = {
    "name": "Bäckerei Öztürk",
    "email": "Hallo@Example.com",
    "timezone": "Europe/Berlin",
    "currency": "EUR",
    "city": "Köln",
    "country": "DE",
}


def add_by_page(house: House) -> None:
    """(a) Add a customer."""
    body = CUSTOMER | {
        "external_id": "crm-1",
        "customer_type": "business",
        "legal_name": "Öztürk GmbH",
        "address_line1": "Hauptstr. 1",
        "shipping_same": "on",
        "metadata-TOTAL_FORMS": "1",
        "metadata-INITIAL_FORMS": "0",
        "metadata-0-key": "tier",
        "metadata-0-value": "gold",
    }
    house.post("/customers/add", body)


def add_by_api(house: House) -> None:
    """(a) The same as JSON."""
    address = {"line1": "Hauptstr. 1", "city": CUSTOMER["city"], "country": CUSTOMER["country"]}
    body = {name: CUSTOMER[name] for name in ("name", "email", "timezone", "currency")} | {
        "externalId": "crm-1",
        "customerType": "business",
        "legalName": "Öztürk GmbH",
        "address": address,
        "metadata": {"tier": "gold"},
    }
    assert house.api.post("/customers", body)[0] == 201


def assign_by_page(house: House) -> None:
    """(b) A plan paid in advance: the first fee is billed at once."""
    body = {"plan": house.plan.pk, "billing_time": "anniversary", "external_id": "s-1", "name": "Main"}
    house.post(f"/customers/{house.customer.public_id}/assign", body)


def assign_by_api(house: House) -> None:
    """(b) The same as JSON."""
    body = {
        "customerId": house.customer.public_id,
        "planId": "team",
        "billingTime": "anniversary",
        "externalId": "s-1",
        "name": "Main",
    }
    assert house.api.post("/subscriptions", body)[0] == 201


def delete_by_page(house: House) -> None:
    """(c) The cascade, carried out by the worker."""
    house.post(f"/customers/{house.customer.public_id}/delete", {"confirmation": "given"})
    carry_out(house)


def delete_by_api(house: House) -> None:
    """(c) The same by DELETE."""
    assert house.api.delete(f"/customers/{house.customer.public_id}")[0] == 200
    carry_out(house)


def carry_out(house: House) -> None:
    """What the worker does."""
    job = apps.get_model("billing", "Job").objects.get(subject_id=house.customer.pk)
    tasks.delete(str(job.pk))


def grant_by_page(house: House) -> None:
    """(d) Free credits, and some that are sold."""
    body = {"granted_credits": "12.5", "paid_credits": "40", "reason": "Goodwill", "once": "t-1"}
    house.post(f"/wallets/{house.wallet.public_id}/top-up", body)


def grant_by_api(house: House) -> None:
    """(d) The same as JSON."""
    body = {"grantedCredits": "12.5", "paidCredits": 40, "reason": "Goodwill"}
    assert house.api.post(f"/wallets/{house.wallet.public_id}/top-up", body)[0] == 200


def coupon_by_page(house: House) -> None:
    """A coupon for the customer."""
    house.post(f"/customers/{house.customer.public_id}/coupons/apply", {"coupon": house.coupon.pk})


def coupon_by_api(house: House) -> None:
    """The same as JSON."""
    body = {"customerId": house.customer.public_id, "couponCode": "ten"}
    assert house.api.post("/coupons/apply", body)[0] == 201


def finalize_by_page(house: House) -> None:
    """A draft becomes final; its total has been seen."""
    house.post(f"/invoices/{house.invoice.public_id}/finalize", {"expected_total": "6000"})


def finalize_by_api(house: House) -> None:
    """The same as JSON."""
    assert house.api.post(f"/invoices/{house.invoice.public_id}/finalize")[0] == 200


CASES: dict[str, tuple[Callable[[House], None], Callable[[House], None]]] = {
    "add a customer": (add_by_page, add_by_api),
    "assign a plan": (assign_by_page, assign_by_api),
    "delete a customer": (delete_by_page, delete_by_api),
    "top up a wallet": (grant_by_page, grant_by_api),
    "apply a coupon": (coupon_by_page, coupon_by_api),
    "finalize an invoice": (finalize_by_page, finalize_by_api),
}


def comparable(value: Any) -> Any:
    """A value without what differs by nature: ids, moments of today, and who did it."""
    if isinstance(value, UUID | datetime):
        return type(value).__name__
    if isinstance(value, str):
        return MOMENT.sub("moment", HEX_ID.sub("id", value))
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, dict):
        return {comparable(key): comparable(item) for key, item in value.items()}
    return value


def rows_of(organization: Organization) -> dict[str, list[Any]]:
    """All rows of all tables of the organization, comparable, in an order that ids do not set."""
    skipped = {"key", "args", "metadata", "subject_label", "actor_kind", "actor_label", "label"}
    found = {}
    for model in apps.get_models():
        if not issubclass(model, Scoped) or model.__name__ in DOOR_ROWS:
            continue
        fields = [
            field
            for field in model._meta.concrete_fields
            if not isinstance(field, models.ForeignKey | models.UUIDField)
            and not (
                field.name in skipped and model.__name__ in {"AuditEntry", "Job", "WalletEntry", "Invoice"}
            )
        ]
        rows = model.objects.filter(organization=organization)
        found[model.__name__] = sorted(
            (tuple(str(comparable(getattr(row, field.attname))) for field in fields) for row in rows),
        )
    return found


@pytest.mark.parametrize("case", CASES)
def test_the_same_rows_and_audit_lines(case: str) -> None:
    by_page, by_api = CASES[case]
    first, second = make_house(), make_house()
    before = AuditEntry.objects.filter(organization=first.organization).count()
    assert rows_of(first.organization) == rows_of(second.organization)
    by_page(first)
    by_api(second)
    left, right = rows_of(first.organization), rows_of(second.organization)
    assert {name: rows for name, rows in left.items() if rows != right[name]} == {
        name: rows for name, rows in right.items() if rows != left[name]
    }
    told = [actions(house.organization) for house in (first, second)]
    assert told[0] == told[1] and len(told[0]) > before
    trail = AuditEntry.objects.filter(organization=second.organization)
    assert "key" in trail.values_list("actor_kind", flat=True)


def actions(organization: Organization) -> list[str]:
    """The acts of the audit trail in the order in which they were written."""
    rows = AuditEntry.objects.filter(organization=organization).order_by("id")
    return list(rows.values_list("action", flat=True))


def test_what_one_door_refuses_the_other_refuses_too() -> None:
    """A second customer with a taken external ID is an update over the API by design; a taken e-mail is refused by
    both, and so is a plan in another currency.
    """
    house = make_house()
    page = house.staff.post(
        "/customers/add",
        {
            "name": "Other",
            "external_id": "other",
            "customer_type": "unknown",
            "currency": "EUR",
            "email": "G@example.com",
            "metadata-TOTAL_FORMS": "0",
            "metadata-INITIAL_FORMS": "0",
        },
    )
    status, body = house.api.post("/customers", {"email": "G@example.com"})
    assert (page.status_code, status) == (422, 409)
    said = str(page.context["form"].errors["email"])
    assert body["error"]["message"] in said
    dollars = make_plan(house.organization, currency="USD")
    form = {"plan": dollars.pk, "billing_time": "calendar"}
    page = house.staff.post(f"/customers/{house.customer.public_id}/assign", form)
    status, body = house.api.post(
        "/subscriptions", {"customerId": house.customer.public_id, "planId": dollars.code}
    )
    assert (page.status_code, status) == (422, 400)
    assert body["error"]["message"] in str(page.context["form"].errors["plan"])
    assert Customer.objects.filter(organization=house.organization).count() == 1
