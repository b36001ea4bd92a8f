"""Pages about the record of a customer: the whole form, tags, own fields, changes of type and mode."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing.actions.wallet_opening import create_wallet
from billing.actions.wallets import grant
from billing.models import AuditEntry, BillingEntity, Member, Organization, Wallet
from billing.web.htmx import event_names
from customers.actions.custom_fields import create_custom_field
from customers.actions.tag_list import create_tag
from customers.models import Customer, CustomField, Tag
from invoicing.actions.one_off import Item, create_one_off
from tests.customers.views.test_customers import FILLED, edit_data, htmx, text
from tests.factories.catalog import make_tax
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
ROWS = {"identifiers-TOTAL_FORMS": "1", "identifiers-INITIAL_FORMS": "0"}
WHOLE = (
    FILLED
    | ROWS
    | {
        "phone": "030 901820",
        "identifiers-0-kind": "us_ein",
        "identifiers-0-number": "91-1144442",
        "peppol_id": "0088:7300010000001",
        "einvoice_email": "XR@acme.example",
        "prefer_einvoice": "on",
        "vat_validation_disabled": "on",
        "vat_validation_disabled_reason": "Charity",
        "preferred_provider": "stripe",
        "disabled_providers": ["mpesa"],
        "zero_amount_invoices": "no",
        "email_invoices": "",
        "billing_model": "hybrid",
        "mode": "postpaid",
        "default_auto_top_up_enabled": "on",
        "default_low_balance_threshold": "10",
        "default_auto_topup_amount": "50.50",
        "default_max_balance": "500",
        "default_max_single_credit": "",
        "default_credit_limit": "250",
        "new_tags": "VIP, Beta",
    }
)


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def member(organization: Organization) -> Member:
    return make_member(organization)


@pytest.fixture
def staff(client: Client, member: Member) -> Iterator[Client]:
    yield sign_in(client, member)


def define(organization: Organization, code: str, **values: Any) -> CustomField:
    return create_custom_field(organization, {"name": code.title(), "code": code} | values, by=ACTOR, at=NOW)


def test_the_form_takes_everything(staff: Client, organization: Organization) -> None:
    tag = create_tag(organization, "Old", by=ACTOR, at=NOW)
    define(organization, "seats", kind="number")
    answer = staff.post("/customers/add", WHOLE | {"tags": [str(tag.pk)], "own_seats": "12"})
    assert answer.status_code == 302, answer.context["form"].errors
    row = Customer.objects.get()
    assert (row.phone, row.tax_identifiers) == ("+4930901820", {"us_ein": "911144442"})
    assert (row.peppol_id, row.einvoice_email, row.prefer_einvoice) == (
        "0088:7300010000001",
        "xr@acme.example",
        True,
    )
    assert (row.vat_validation_disabled, row.vat_validation_disabled_reason) == (True, "Charity")
    assert (row.preferred_provider, row.disabled_providers) == ("stripe", ["mpesa"])
    assert (row.zero_amount_invoices, row.email_invoices) == (False, None)
    assert (row.billing_model, row.mode) == ("hybrid", "postpaid")
    assert (row.default_auto_top_up_enabled, row.default_auto_top_up_minor) == (True, 5050)
    assert (row.default_low_balance_minor, row.default_max_balance_minor) == (1000, 50000)
    assert (row.default_max_single_credit_minor, row.default_credit_limit_minor) == (None, 25000)
    assert row.custom_fields == {"seats": 12}
    assert sorted(Tag.objects.filter(pk__in=row.tag_ids).values_list("name", flat=True)) == [
        "Beta",
        "Old",
        "VIP",
    ]
    page = text(staff.get(f"/customers/{row.public_id}/information"))
    for shown in ("+49 30 901820", "911144442", "0088:7300010000001", "M-Pesa", "Hybrid", "EUR 50.50", "VIP"):
        assert shown in page.replace("\xa0", " "), shown


def test_saving_the_whole_form_as_it_is_changes_nothing(staff: Client, organization: Organization) -> None:
    define(organization, "seats", kind="number")
    define(organization, "gold", kind="boolean")
    staff.post("/customers/add", WHOLE | {"own_seats": "12.5", "own_gold": "true"})
    before = Customer.objects.values().get()
    path = f"/customers/{Customer.objects.get().public_id}/edit"
    shown = staff.get(path)
    data = edit_data(shown)
    rows = shown.context["identifiers"]
    for bound in [*rows.management_form, *(field for row in rows for field in row)]:
        data[bound.html_name] = str(bound.value() or "")
    answer = staff.post(path, data)
    assert answer.status_code == 302, answer.context["form"].errors
    assert Customer.objects.values().get() == before
    assert not AuditEntry.objects.filter(action="customer.updated").exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"phone": "12"}, "phone"),
        ({"peppol_id": "x"}, "peppol_id"),
        ({"disabled_providers": ["stripe"]}, "preferred_provider"),
        ({"vat_validation_disabled_reason": ""}, "vat_validation_disabled_reason"),
        ({"default_auto_topup_amount": "1,5"}, "default_auto_topup_amount"),
        ({"default_low_balance_threshold": ""}, "default_low_balance_threshold"),
        ({"new_tags": "x" * 51}, "new_tags"),
        ({"own_seats": "many"}, "own_seats"),
        ({"own_seats": ""}, "own_seats"),
    ],
)
def test_bad_input_stays_in_the_form(
    staff: Client, organization: Organization, change: dict[str, Any], field: str
) -> None:
    define(organization, "seats", kind="number", required=True)
    answer = staff.post("/customers/add", WHOLE | {"own_seats": "1"} | change, headers=htmx("drawer"))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert 'value="Bäckerei Öztürk"' in text(answer)
    assert not Customer.objects.exists() and not Tag.objects.exists()


def test_tax_numbers_by_kind(staff: Client, organization: Organization) -> None:
    answer = staff.post("/customers/add", WHOLE | {"identifiers-0-number": "91"})
    assert answer.status_code == 422 and "It is not written as such numbers are." in text(answer)
    answer = staff.post("/customers/add", WHOLE | {"identifiers-0-kind": ""})
    assert answer.status_code == 422 and "Choose what kind of number this is." in text(answer)
    customer = make_customer(organization, tax_identifiers={"us_ein": "91-1144442", "other": "x"})
    path = f"/customers/{customer.public_id}/edit"
    data = edit_data(staff.get(path)) | {
        "identifiers-TOTAL_FORMS": "2",
        "identifiers-INITIAL_FORMS": "2",
        "identifiers-0-kind": "us_ein",
        "identifiers-0-number": "91-1144442",
        "identifiers-0-DELETE": "on",
        "identifiers-1-kind": "other",
        "identifiers-1-number": "y",
    }
    assert staff.post(path, data).status_code == 302
    customer.refresh_from_db()
    assert customer.tax_identifiers == {"other": "y"}


def test_type_and_mode_are_not_in_the_edit_form(staff: Client, organization: Organization) -> None:
    customer = make_customer(organization)
    path = f"/customers/{customer.public_id}/edit"
    answer = staff.get(path)
    assert not {"customer_type", "mode"} & set(answer.context["form"].fields)
    staff.post(path, edit_data(answer) | {"customer_type": "business", "mode": "postpaid", "name": "New"})
    customer.refresh_from_db()
    assert (customer.customer_type, customer.mode, customer.name) == ("unknown", "prepaid", "New")


def test_tags_of_a_customer_from_the_header(staff: Client, organization: Organization) -> None:
    vip = create_tag(organization, "VIP", "amber", by=ACTOR, at=NOW)
    customer = make_customer(organization)
    page = text(staff.get(f"/customers/{customer.public_id}"))
    assert "Add tags" in page and 'class="tag-chip"' not in page
    path = f"/customers/{customer.public_id}/tags"
    dialog = text(staff.get(path, headers=htmx("dialog")))
    assert "Edit tags" in dialog and "<title>" not in dialog
    answer = staff.post(path, {"tags": [str(vip.pk)], "new_tags": "Beta, vip"}, headers=htmx("dialog"))
    assert answer["HX-Redirect"] == "/customers?q=x"
    page = text(staff.get(f"/customers/{customer.public_id}"))
    assert 'data-color="amber"><span>VIP' in page and "Beta" in page and "Edit tags" in page
    answer = staff.post(path, {"new_tags": "x" * 51})
    assert answer.status_code == 422 and "1 to 50 characters" in text(answer)
    assert staff.post(path, {"new_tags": ""}).status_code == 302
    customer.refresh_from_db()
    assert customer.tag_ids == []


def test_settings_of_tags(staff: Client, organization: Organization) -> None:
    assert "No tags yet" in text(staff.get("/settings/tags"))
    answer = staff.post("/settings/tags/add", {"name": "VIP", "color": "amber"}, headers=htmx("drawer"))
    assert {"close-overlay", "tag-changed", "toast"} <= set(event_names(answer))
    tag = Tag.objects.get()
    make_customer(organization, tags=["VIP"])
    partial = text(staff.get("/settings/tags", headers=htmx("tag-table")))
    assert "VIP" in partial and ">1</" in partial and "<title>" not in partial
    answer = staff.post("/settings/tags/add", {"name": "vip", "color": "red"})
    assert (answer.status_code, "There is a tag vip already." in text(answer)) == (422, True)
    path = f"/settings/tags/{tag.public_id}"
    assert "1 customer has this tag" in text(staff.get(f"{path}/edit"))
    assert staff.post(f"{path}/edit", {"name": "Top", "color": "red"}).status_code == 302
    tag.refresh_from_db()
    assert (tag.name, tag.color) == ("Top", "red")
    assert "1 customer</b>" in text(staff.get(f"{path}/delete", headers=htmx("dialog")))
    assert staff.post(f"{path}/delete").status_code == 302
    assert not Tag.objects.exists() and Customer.objects.get().tag_ids == []


def test_settings_of_own_fields(staff: Client, organization: Organization) -> None:
    assert "No custom fields yet" in text(staff.get("/settings/custom-fields"))
    new = {"name": "Cost centre", "code": "", "kind": "choice", "choices": "A\n\nB\nA", "on_invoice": "on"}
    answer = staff.post("/settings/custom-fields/add", new, headers=htmx("drawer"))
    assert "custom-field-changed" in event_names(answer)
    field = CustomField.objects.get()
    assert (field.code, field.choices, field.on_invoice, field.required) == (
        "cost_centre",
        ["A", "B"],
        True,
        False,
    )
    answer = staff.post("/settings/custom-fields/add", new | {"code": "x", "choices": ""})
    assert answer.status_code == 422 and "List what can be chosen." in text(answer)
    other = define(organization, "second")
    path = f"/settings/custom-fields/{other.public_id}"
    assert staff.post(f"{path}/move", {"to": "up"}).status_code == 302
    assert [row.code for row in staff.get("/settings/custom-fields").context["rows"]] == [
        "second",
        "cost_centre",
    ]
    make_customer(organization, custom_fields={"second": "x"})
    assert "1 customer has a value" in text(staff.get(f"{path}/edit"))
    answer = staff.post(f"{path}/edit", {"name": "Second", "code": "third", "kind": "text"})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["code"])
    assert "1 customer</b> loses" in text(staff.get(f"{path}/delete"))
    assert staff.post(f"{path}/delete").status_code == 302
    assert Customer.objects.get().custom_fields == {}


def test_change_type_with_its_effects(staff: Client, organization: Organization) -> None:
    BillingEntity.objects.filter(organization=organization).update(consumer_payment_term_days=7)
    customer = make_customer(organization, country="DE", taxes=[make_tax(organization)])
    invoice = create_one_off(customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=NOW)
    type(invoice).objects.update(issuing_on=invoice.issuing_on + timedelta(days=1))
    path = f"/customers/{customer.public_id}/type"
    assert "is what this customer is now" in text(staff.get(path, headers=htmx("drawer")))
    effects = text(staff.get(f"{path}?customer_type=consumer", headers=htmx("effects")))
    assert effects.strip().startswith('<div id="effects"') and "7 days" in effects and "With tax" in effects
    effects = text(staff.get(f"{path}?customer_type=business", headers=htmx("effects")))
    assert invoice.number in effects and "Invoices to review afterwards" in effects
    answer = staff.post(path, {"customer_type": "business", "reason": ""}, headers=htmx("drawer"))
    assert answer.status_code == 422 and "Say why" in text(answer)
    assert "checked" in text(answer).split('value="business"')[1][:80], "the choice is kept"
    answer = staff.post(path, {"customer_type": "business", "reason": "Register"}, headers=htmx("drawer"))
    assert answer["HX-Redirect"] == f"/customers/{customer.public_id}/information"
    page = text(staff.get(f"/customers/{customer.public_id}/information"))
    assert "Review invoices that carry tax" in page and invoice.number in page


def test_change_mode(staff: Client, organization: Organization) -> None:
    customer = make_customer(organization)
    path = f"/customers/{customer.public_id}/mode"
    wallet = create_wallet(customer, name="Credits", currency="EUR", rate=Decimal(1), by=ACTOR, at=NOW)
    grant(wallet, Decimal(10), key="g", by=ACTOR, at=NOW)
    Wallet.objects.filter(pk=wallet.pk).update(credit_limit_minor=2500)
    effects = text(staff.get(f"{path}?mode=postpaid", headers=htmx("effects"))).replace("\xa0", " ")
    assert "No balance moves" in effects and "EUR 10.00" in effects and "EUR 35.00" in effects
    assert staff.post(path, {"mode": "postpaid", "reason": "Trusted"}).status_code == 302
    customer.refresh_from_db()
    assert customer.mode == "postpaid"
    assert staff.post(path, {"mode": "barter", "reason": "x"}).status_code == 422


@pytest.mark.parametrize("role", ["support", "finance"])
def test_who_may_not_change(client: Client, organization: Organization, role: str) -> None:
    customer = make_customer(organization, tags=["VIP"])
    sign_in(client, make_member(organization, role))
    page = text(client.get(f"/customers/{customer.public_id}"))
    assert "VIP" in page and "Edit tags" not in page and "Change type" not in page
    for path in ("tags", "type", "mode"):
        assert client.post(f"/customers/{customer.public_id}/{path}", {"reason": "x"}).status_code == 403
    assert client.post("/settings/tags/add", {"name": "x", "color": "red"}).status_code == 403
    if role == "support":
        assert client.post("/settings/custom-fields/add", {"name": "x"}).status_code == 403


@pytest.mark.parametrize("page", ["tags", "type", "mode"])
def test_strangers_are_404(staff: Client, page: str) -> None:
    theirs = make_customer(make_organization("Other"))
    path = f"/customers/{theirs.public_id}/{page}"
    assert staff.get(path).status_code == 404 == staff.post(path, {"reason": "x"}).status_code
