"""The dialog that deletes a customer, and the page that shows the progress."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Job, Organization
from customers import tasks
from customers.models import Customer, PortalLink
from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import Invoice, PaymentProvider, ProviderLink
from tests.factories.customers import make_customer
from tests.factories.invoicing import make_wallet, owing
from tests.factories.pages import htmx, queries, statuses, text
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
EDITORS = {"admin": 200, "manager": 200, "finance": 403, "support": 403, "stranger": 404}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    """With an unpaid invoice over 80.00 and 12.00 of credits."""
    found = make_customer(organization, name="Kampala Tech", external_id="crm-1", currency="EUR")
    create_one_off(found, [Item("Work", Decimal(80))], finalize=True, by=ACTOR, at=NOW)
    make_wallet(found, "12", NOW, name="Prepaid")
    return found


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


def path_of(customer: Customer) -> str:
    """The dialog's address."""
    return f"/customers/{customer.public_id}/delete"


def test_the_dialog_states_the_effects_with_amounts(staff: Client, customer: Customer) -> None:
    dialog = text(staff.get(path_of(customer), headers=htmx("dialog")))
    for part in ("€80.00", "€12.00", "Prepaid", Invoice.objects.get().number, "crm-1", "Keep them"):
        assert part in dialog, part
    assert "<title>" not in dialog
    kept = text(staff.get(path_of(customer) + "?unpaid_invoices=keep"))
    assert "<title>" in kept and "is unpaid and is voided" not in kept
    assert (
        Invoice.objects.get().status == "finalized"
        and Job.objects.filter(task="customers.delete").count() == 0
    )


def test_nothing_to_say_asks_for_no_confirmation(staff: Client, organization: Organization) -> None:
    customer = make_customer(organization)
    dialog = text(staff.get(path_of(customer)))
    assert "Nothing else is affected" in dialog and 'name="confirmation"' not in dialog
    assert staff.post(path_of(customer), {}).status_code == 302
    assert Job.objects.get(task="customers.delete").subject_id == customer.pk


def test_the_external_id_has_to_be_typed(staff: Client, customer: Customer) -> None:
    for typed in ("", "crm-2", "CRM-1"):
        answer = staff.post(path_of(customer), {"confirmation": typed}, headers=htmx("dialog"))
        assert answer.status_code == 422
        assert "Type crm-1 to confirm" in str(answer.context["form"].errors["confirmation"])
        assert "€80.00" in text(answer)
    customer.refresh_from_db()
    assert customer.deleting_at is None


def test_who_may(organization: Organization, customer: Customer) -> None:
    assert statuses(organization, path_of(customer)) == EDITORS
    body = {"confirmation": "wrong"}
    assert statuses(organization, path_of(customer), body) == EDITORS | {"admin": 422, "manager": 422}
    progress = statuses(organization, f"/customers/{customer.public_id}/deletion")
    assert progress == {"admin": 200, "manager": 200, "finance": 200, "support": 200, "stranger": 404}


def test_from_the_request_to_the_end(staff: Client, customer: Customer) -> None:
    progress = reverse("customer-deletion", args=[customer])
    body = {"confirmation": "crm-1", "unpaid_invoices": "void"}
    answer = staff.post(path_of(customer), body, headers=htmx("dialog"))
    assert answer["HX-Redirect"] == progress
    assert staff.post(path_of(customer), body).status_code == 302
    job = Job.objects.get(task="customers.delete")
    assert staff.get(path_of(customer))["Location"] == progress
    running = text(staff.get(progress, headers=htmx("deletion-progress")))
    assert running.strip().startswith('<div id="deletion-progress"') and 'hx-trigger="every 1s"' in running
    page = text(staff.get(f"/customers/{customer.public_id}"))
    assert "being deleted" in page and "Assign a plan" not in page

    tasks.delete(str(job.pk))
    done = text(staff.get(progress))
    assert "The customer is gone" in done and "every 1s" not in done
    assert "1 invoice voided" in done and Invoice.objects.get().number in done
    for gone in (f"/customers/{customer.public_id}", path_of(customer)):
        assert staff.get(gone).status_code == 404
    assert "Kampala Tech" not in text(staff.get("/customers"))
    assert "Kampala Tech" in text(staff.get("/invoices"))


def test_a_failure_is_shown_and_can_be_run_again(
    staff: Client, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff.post(path_of(customer), {"confirmation": "crm-1"})
    job = Job.objects.get(task="customers.delete")
    Job.objects.filter(pk=job.pk).update(state="failed", error="The disk is full.")
    page = text(staff.get(f"/customers/{customer.public_id}/deletion"))
    assert "The disk is full." in page and "Run again" in page
    staff.post(reverse("job-run-again", args=[job.pk]))
    tasks.delete(str(job.pk))
    assert "The customer is gone" in text(staff.get(f"/customers/{customer.public_id}/deletion"))


def test_queries_of_the_pages(staff: Client, customer: Customer) -> None:
    """The dialog plays the whole cascade through, so it needs more than a page."""
    progress = f"/customers/{customer.public_id}/deletion"
    assert queries(staff, progress) <= 8
    assert queries(staff, path_of(customer)) <= 92


def test_what_else_ends_is_said(staff: Client, organization: Organization, customer: Customer) -> None:
    PortalLink.objects.create(
        organization=organization,
        customer=customer,
        token_hash="x",
        created_by="Ada",
        expires_at=NOW + timedelta(days=9),
    )
    provider = PaymentProvider.objects.create(
        organization=organization, type="stripe", name="Main account", credentials=b""
    )
    ProviderLink.objects.create(
        organization=organization, provider=provider, customer=customer, external_id="cus_1", state="synced"
    )
    dialog = text(staff.get(path_of(customer)))
    assert "1 portal link stops working" in dialog and "deleted at <b>Main account</b>" in dialog
    assert "1 issued invoice" in dialog
    assert "€80.00 can still be paid." in dialog
    link = ProviderLink.objects.get(customer=customer)
    assert link.state == "synced", "looking tells nobody"


def test_what_is_owed_on_a_wallet_is_said(staff: Client, customer: Customer) -> None:
    wallet = customer.wallets.in_use().get()
    owing(wallet, 300)
    dialog = text(staff.get(path_of(customer)))
    assert "that are owed on it go on an invoice" in dialog and "€3.00" in dialog


def test_the_finished_page_leads_to_the_documents(staff: Client, customer: Customer) -> None:
    staff.post(path_of(customer), {"confirmation": "crm-1"})
    tasks.delete(str(Job.objects.get(task="customers.delete").pk))
    done = text(staff.get(f"/customers/{customer.public_id}/deletion"))
    invoice = Invoice.objects.get()
    assert reverse("invoice", args=[invoice.pk]) in done and reverse("invoice-pdf", args=[invoice.pk]) in done
    assert "1 invoice" in done and "Portal links" in done
    assert staff.get(reverse("invoice", args=[invoice.pk])).status_code == 200
