"""The hint about invoices in question: on the customer's page, the invoice's, the list and Home; by page and API."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Organization
from customers.actions.classification import change_type
from customers.models import Customer
from customers.queries.needs import waiting as needs
from invoicing.actions.crediting import CreditRequest, issue_credit_note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import Invoice, InvoiceReview
from invoicing.rules.crediting import CreditReason
from tests.factories.customers import make_customer
from tests.factories.invoicing import default_tax
from tests.factories.pages import htmx, queries, statuses, text
from tests.factories.people import ACTOR, NOW, make_key, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    organization = make_organization()
    default_tax(organization)
    return organization


def became_business(organization: Organization, invoices: int = 2) -> Customer:
    """A customer in Germany that turned out to be a business after these invoices."""
    from billing.actions.clock import now

    at = now(organization)
    customer = make_customer(organization, country="DE", currency="EUR")
    for number in range(invoices):
        create_one_off(customer, [Item(f"Work {number}", Decimal(100))], finalize=True, by=ACTOR, at=at)
    return change_type(customer, "business", reason="Register extract", by=ACTOR, at=at)


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return became_business(organization)


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


def invoices_of(customer: Customer) -> list[Invoice]:
    return list(Invoice.objects.filter(customer=customer).order_by("pk"))


def test_each_and_all_are_marked_and_taken_back(staff: Client, customer: Customer) -> None:
    first, second = invoices_of(customer)
    page, act = (reverse(name, args=[customer]) for name in ("customer-information", "customer-reviews"))
    shown = text(staff.get(page))
    assert "these invoices may need a credit note" in shown and "Mark all as reviewed" in shown
    assert f"{act}?invoice={first.public_id}" in shown and "€20.00" in shown
    dialog = text(staff.get(f"{act}?invoice={first.public_id}", headers=htmx("dialog")))
    assert "<title>" not in dialog and dialog.count(" checked") == 1
    assert len(re.findall(r'name="invoices"[^>]* checked', text(staff.get(act)))) == 2
    assert "Choose at least one invoice." in text(staff.post(act, {"note": "x"}))
    sent = {"invoices": [first.public_id], "note": "Reverse charge <b>later</b>"}
    answer = staff.post(act, sent, headers=htmx("dialog"))
    assert answer.status_code == 204 and "reviews-changed" in answer["HX-Trigger"]
    hint = text(staff.get(page, headers=htmx("review-hint")))
    assert hint.strip().startswith('<div id="review-hint"') and "this invoice may need" in hint
    assert "Reverse charge &lt;b&gt;later" in hint and f"Reviewed by {staff_name()} on " in hint
    assert "Mark all" not in hint
    undo = reverse("customer-reviews-undo", args=[customer])
    assert staff.post(undo, {"invoice": first.public_id})["Location"] == page
    staff.post(act, {"invoices": [first.public_id, second.public_id]})
    batch = InvoiceReview.objects.get(invoice=first).batch
    assert "Nothing waits for a review" in text(staff.get(act))
    staff.post(f"{undo}?batch={batch}")
    assert "these invoices" in text(staff.get(page))


def staff_name() -> str:
    """The name under which the member who is signed in acts."""
    return InvoiceReview.objects.exclude(reviewed_at=None).get().reviewer_label


def test_two_people_at_once(staff: Client, customer: Customer) -> None:
    first, _ = invoices_of(customer)
    act, sent = reverse("customer-reviews", args=[customer]), {"invoices": [first.public_id]}
    staff.post(act, sent)
    answer = staff.post(act, sent, headers=htmx("dialog"))
    assert answer.status_code == 204 and "Somebody else" in answer["HX-Trigger"]
    assert staff.post(act, {"invoices": ["inv_nonsense"]}).status_code == 422
    foreign = invoices_of(became_business(customer.organization))[0]
    assert "Choose invoices that are to be reviewed." in text(
        staff.post(act, {"invoices": [foreign.public_id]})
    )


def test_an_invoice_says_that_it_is_in_question(staff: Client, customer: Customer) -> None:
    first, second = invoices_of(customer)
    page = reverse("invoice", args=[first])
    assert "Does this invoice need its tax?" in text(staff.get(page))
    assert queries(staff, page) <= 12
    staff.post(reverse("customer-reviews", args=[customer]), {"invoices": [first.public_id], "note": "Fine"})
    hint = text(staff.get(page, headers=htmx("review-hint")))
    assert "looked at again" in hint and ": <span class" in hint and "Fine" in hint and "<title>" not in hint
    issue_credit_note(
        second, CreditRequest(everything=True), reason=CreditReason.OTHER, key="k", by=ACTOR, at=NOW
    )
    assert "need its tax" not in text(staff.get(reverse("invoice", args=[second])))


def test_home_and_the_list_name_what_waits(staff: Client, customer: Customer) -> None:
    from billing.actions.clock import now

    first, second = invoices_of(customer)
    at = now(customer.organization)
    became_business(make_organization("Other"))
    [part] = needs(customer.organization, at, at.date())["reviews"]
    assert (part.currency, part.count, part.minor) == ("EUR", 2, 4000)
    home = text(staff.get(reverse("home")))
    assert "invoices with tax to look at again" in home and 'href="/invoices?review=waiting"' in home
    create_one_off(customer, [Item("Afterwards", Decimal(5))], finalize=True, by=ACTOR, at=at)
    page = staff.get(reverse("invoices"), {"review": "waiting"})
    assert {row["invoice"] for row in page.context["rows"]} == {first, second}
    assert "Tax to look at again" in text(page)
    staff.post(
        reverse("customer-reviews", args=[customer]), {"invoices": [first.public_id, second.public_id]}
    )
    assert "reviews" not in needs(customer.organization, at, at.date())
    assert "No invoice found" in text(staff.get(reverse("invoices"), {"review": "waiting"}))


def test_who_may(customer: Customer, organization: Organization) -> None:
    act = reverse("customer-reviews", args=[customer])
    expected = {"admin": 200, "manager": 200, "finance": 200, "support": 403, "stranger": 404}
    assert statuses(organization, act) == expected
    assert statuses(organization, act, {"note": "x"}) == {
        name: 422 if status == 200 else status for name, status in expected.items()
    }
    looker = sign_in(Client(), make_member(organization, "support"))
    shown = text(looker.get(reverse("customer-information", args=[customer])))
    assert "Review invoices that carry tax" in shown and act not in shown


def test_the_same_by_api(client: Client, customer: Customer, organization: Organization) -> None:
    headers = {"Authorization": f"Bearer {make_key(organization)}"}
    base = f"/api/customers/{customer.public_id}/corrective-invoices"
    first, second = invoices_of(customer)

    def call(method: str, path: str = "", body: dict[str, Any] | None = None) -> Any:
        return client.generic(
            method, base + path, json.dumps(body or {}), "application/json", headers=headers
        )

    rows = call("GET").json()
    assert rows["meta"]["total"] == 2
    assert [(row["invoiceId"], row["taxAmount"], row["status"]) for row in rows["data"]] == [
        (first.public_id, 20, "waiting"),
        (second.public_id, 20, "waiting"),
    ]
    sent = {"invoiceIds": [first.public_id], "note": "Checked"}
    [marked] = call("POST", "/review", sent).json()["data"]
    assert (marked["status"], marked["note"], marked["invoiceNumber"]) == (
        "reviewed",
        "Checked",
        first.number,
    )
    assert marked["reviewedBy"] and marked["reviewedAt"]
    assert call("POST", "/review", sent).json()["data"] == []
    [rest] = call("POST", "/review").json()["data"]
    assert rest["invoiceId"] == second.public_id
    assert len(call("GET", "?status=REVIEWED").json()["data"]) == 2
    assert call("GET", "?status=nonsense").json()["data"] == []
    undone = call("DELETE", f"/{first.public_id}/review").json()["data"]
    assert (undone["status"], undone["reviewedBy"]) == ("waiting", None)
    assert call("DELETE", f"/{first.public_id}/review").status_code == 200
    refused = call("POST", "/review", {"invoiceIds": [first.public_id, "inv_x"]})
    assert refused.status_code == 400 and refused.json()["error"]["errors"][0]["field"] == "invoiceIds[1]"
    stranger = {"Authorization": f"Bearer {make_key(make_organization('Other'))}"}
    assert client.get(base, headers=stranger).status_code == 404
