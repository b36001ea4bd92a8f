"""Settings, Privacy: deleted customers, the preview, the confirmation, the progress; with htmx and without."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import AuditEntry, BillingEntity, Job, Organization
from customers import tasks
from customers.actions.delete import KEEP, request_deletion
from customers.actions.merge import merge_customers
from customers.models import Customer, Note
from invoicing.actions.one_off import Item, create_one_off
from tests.factories.customers import make_customer
from tests.factories.pages import htmx, queries, statuses, text
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
AT = NOW + timedelta(days=1)


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def admin(organization: Organization) -> Client:
    return sign_in(Client(), make_member(organization))


@pytest.fixture
def customer(organization: Organization) -> Customer:
    """A deleted one that owes 50.00, with a note."""
    row = make_customer(organization, name="Zephyrine Quill", external_id="quill-1", currency="EUR")
    Note.objects.create(organization=organization, customer=row, author_label="Ada", text="Pays late")
    create_one_off(row, [Item("Work", Decimal(50))], finalize=True, by=ACTOR, at=NOW)
    job = request_deletion(row, unpaid_invoices=KEEP, by=ACTOR, at=AT)
    tasks.delete(str(job.pk))
    row.refresh_from_db()
    return row


def url(name: str, customer: Customer) -> str:
    """A page of the customer."""
    return reverse(name, args=[customer])


def test_deleted_customers_are_listed_and_found(
    admin: Client, organization: Organization, customer: Customer
) -> None:
    kept, merged = (make_customer(organization, name=name) for name in ("Still here", "Duplicate"))
    merge_customers(merged, kept, by=ACTOR, at=AT)
    page = text(admin.get(reverse("privacy")))
    assert "Zephyrine Quill" in page and "Still here" not in page and "Duplicate" not in page
    piece = admin.get(reverse("privacy"), {"q": "zephyr"}, headers=htmx("deleted-table"))
    assert "Zephyrine Quill" in text(piece) and "<html" not in text(piece)
    assert "No deleted customer found" in text(admin.get(reverse("privacy"), {"q": "nobody"}))
    assert queries(admin, reverse("privacy")) <= 12
    assert "Zephyrine" not in text(
        sign_in(Client(), make_member(make_organization("B"))).get(reverse("privacy"))
    )


def test_the_preview_says_what_goes_and_what_stays(admin: Client, customer: Customer) -> None:
    page = text(admin.get(url("customer-erase", customer)))
    for words in ("Zephyrine Quill", "<b>Notes</b> (<", "<b>Invoices</b> (<", "of 1 invoice is unpaid"):
        assert words in page, words
    assert "is not known here. Ten years" in page and "31 Dec 2036" in page and "quill-1" in page
    assert queries(admin, url("customer-erase", customer)) <= 16
    assert not Job.objects.filter(task="customers.erase").exists()
    BillingEntity.objects.update(country="DE")
    page = text(admin.get(url("customer-erase", customer)))
    assert "The law of the issuer's country wants" in page and "31 Dec 2034" in page


def test_it_is_done_with_and_without_htmx(admin: Client, customer: Customer) -> None:
    asked = {"reason": "Asked by letter", "confirm": "quill-2"}
    wrong = admin.post(url("customer-erase", customer), asked, headers=htmx("dialog"))
    assert wrong.status_code == 422 and "Type the customer" in text(wrong)
    assert "Asked by letter" in text(wrong) and "<html" not in text(wrong)
    missing = admin.post(url("customer-erase", customer), {"reason": " ", "confirm": "quill-1"})
    assert missing.status_code == 422 and "Say why" in text(missing)
    done = admin.post(url("customer-erase", customer), asked | {"confirm": "quill-1"})
    assert (done.status_code, done["Location"]) == (302, url("customer-erasure", customer))
    running = text(admin.get(url("customer-erasure", customer)))
    assert "Erasing…" in running and 'hx-trigger="every 1s"' in running
    polled = admin.get(url("customer-erasure", customer), headers=htmx("erasure-progress"))
    assert "HX-Refresh" not in polled and "<html" not in text(polled)
    assert admin.get(url("customer-erase", customer))["Location"] == url("customer-erasure", customer)

    tasks.erase(str(Job.objects.get(task="customers.erase").pk))
    polled = admin.get(url("customer-erasure", customer), headers=htmx("erasure-progress"))
    assert polled["HX-Refresh"] == "true", "the heading still says who it was"
    answer = admin.get(url("customer-erasure", customer))
    page = text(answer)
    assert "HX-Refresh" not in answer
    assert (
        f"Erased customer {customer.sequence}" in page
        and "What stays" in page
        and "quill" not in page.lower()
    )
    assert 'hx-trigger="every 1s"' not in page
    assert "quill" not in text(admin.get(reverse("privacy"))).lower()
    documents = text(admin.get(url("customer-deletion", customer)))
    assert "Personal data was erased" in documents
    trail = text(admin.get(reverse("audit")))
    assert "Personal data erased" in trail and "Asked by letter" in trail
    assert AuditEntry.objects.filter(action="customer.erased").count() == 1


def test_a_customer_that_is_there_is_deleted_first(admin: Client, organization: Organization) -> None:
    row = make_customer(organization)
    page = text(admin.get(url("customer-erase", row)))
    assert "Delete the customer first" in page and '<form class="overlay"' not in page
    refused = admin.post(url("customer-erase", row), {"reason": "x", "confirm": row.external_id})
    assert refused.status_code == 422
    assert "No data of this customer has been erased" in text(admin.get(url("customer-erasure", row)))


def test_admins_alone_may(organization: Organization, customer: Customer) -> None:
    asked = {"reason": "Letter", "confirm": "wrong"}
    nobody = {"finance": 403, "manager": 403, "support": 403}
    assert statuses(organization, reverse("privacy")) == {"admin": 200, "stranger": 200, **nobody}
    for name in ("customer-erase", "customer-erasure"):
        assert statuses(organization, url(name, customer)) == {"admin": 200, "stranger": 404, **nobody}
    found = statuses(organization, url("customer-erase", customer), asked)
    assert found == {"admin": 422, "stranger": 404, **nobody}
    support = sign_in(Client(), make_member(organization, "support"))
    assert "Erase personal data" not in text(support.get(url("customer-deletion", customer)))
    admin = sign_in(Client(), make_member(organization))
    erase_url = reverse("customer-erase", args=[customer.pk])
    assert erase_url in text(admin.get(url("customer-deletion", customer)))
