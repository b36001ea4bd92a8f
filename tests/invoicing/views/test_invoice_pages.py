"""The pages of invoices: lists, one invoice, its PDF, and what can be done with it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.actions.usage import ingest
from billing.models import Job, Organization
from invoicing.actions.billing_run import run
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.publish import publish_invoice
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice, Payment
from tests.factories.catalog import GRADUATED, charge, make_metric
from tests.factories.customers import make_customer
from tests.factories.invoicing import default_tax, give_coupon, make_plan, make_wallet, on, subscribe
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in
from tests.factories.usage import event

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Path) -> None:
    """Files of a test stay in its own folder."""
    settings.MEDIA_ROOT = str(tmp_path)


HTMX = {"HX-Request": "true"}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


def one_off(
    organization: Organization, amount: str = "100", *, finalize: bool = True, **fields: Any
) -> Invoice:
    customer = fields.pop("customer", None) or make_customer(organization, currency="EUR")
    items = [Item("Set-up", Decimal(amount))]
    return create_one_off(customer, items, finalize=finalize, by=ACTOR, at=fields.pop("at", NOW), **fields)


def usage_draft(organization: Organization) -> Invoice:
    """A draft of January: a fee of 30 and 1,200 units of a graduated charge, 20 % tax."""
    default_tax(organization)
    metric = make_metric(organization, code="calls", aggregation="sum", name="API calls")
    plan = make_plan(organization, 3000, charge(metric, "graduated", GRADUATED))
    customer = make_customer(organization, name="Globex", currency="EUR", grace_period_days=3)
    subscription = subscribe(customer, plan, on(2026, 1, 1))
    sent = event(subscription, metric, 1200, at=on(2026, 1, 10))
    ingest(organization, [sent], at=on(2026, 1, 10))
    run(on(2026, 2, 1))
    return Invoice.objects.get(customer=customer)


def get(client: Client, name: str, *args: Any, **query: str) -> Any:
    return client.get(reverse(name, args=args), query)


def text_of(response: Any) -> str:
    return response.content.decode()


# --- The list ---------------------------------------------------------------------------------------------
def test_tabs_count_what_they_show(staff: Client, organization: Organization) -> None:
    customer = make_customer(organization, currency="EUR", net_payment_term_days=0)
    one_off(organization, finalize=False, customer=customer)
    one_off(organization, customer=customer)  # due on the day of issue, in March: overdue
    paid = one_off(organization, customer=customer)
    record_payment(paid, key="k", by=ACTOR, at=NOW)
    gone = one_off(organization, customer=customer)
    void_invoice(gone, by=ACTOR, at=NOW)
    closed = one_off(organization, finalize=False, customer=customer)
    Invoice.objects.filter(pk=closed.pk).update(status="closed")
    page = get(staff, "invoices")
    counts = {item["label"]: item["count"] for item in page.context["tab_items"]}
    one_of_each = dict.fromkeys(("Drafts", "Outstanding", "Paid", "Overdue", "Voided"), 1)
    assert counts == {"All": 4, "Disputed": 0, "Written off": 0} | one_of_each
    for tab, number in (("draft", 1), ("outstanding", 1), ("paid", 1), ("overdue", 1), ("voided", 1)):
        page = get(staff, "invoices", tab=tab)
        assert len(page.context["rows"]) == number
    assert get(staff, "invoices", tab="voided").context["rows"][0]["invoice"] == gone
    (total,) = get(staff, "invoices").context["sums"]
    assert (total.count, total.total_minor, total.due_minor) == (3, 30000, 10000)  # without the voided one


def test_filters_narrow_and_are_removable(staff: Client, organization: Organization) -> None:
    globex = make_customer(organization, name="Globex", currency="EUR")
    first = one_off(organization, customer=globex, at=on(2026, 1, 5))
    other = one_off(organization, customer=make_customer(organization, name="Initech", currency="UGX"))

    def found(**query: str) -> list[Invoice]:
        return [row["invoice"] for row in get(staff, "invoices", **query).context["rows"]]

    assert found(q="globe") == [first]
    assert found(q=other.number) == [other]
    assert found(currency="UGX") == [other]
    assert found(issued_from="2026-01-05", issued_to="2026-01-05") == [first]
    assert found(issued_to="2026-01-04") == []
    assert found(customer=globex.public_id) == [first]
    assert found(type="credit") == []
    assert set(found(currency="nonsense", issued_from="x", tab="x", sort="x", page="99")) == {first, other}
    page = get(staff, "invoices", q="globe", currency="EUR", sort="-amount")
    assert [chip["value"] for chip in page.context["chips"]] == ["globe", "EUR"]
    assert page.context["chips"][0]["remove_url"] == "?currency=EUR&sort=-amount"
    assert "No invoice found" in text_of(get(staff, "invoices", q="nobody"))


def test_the_list_is_empty_in_two_ways(staff: Client) -> None:
    assert "No invoices yet" in text_of(get(staff, "invoices"))
    assert "No payments yet" in text_of(get(staff, "payments"))
    assert "No credit notes yet" in text_of(get(staff, "credit-notes"))


@pytest.mark.parametrize(
    ("name", "target"),
    [("invoices", "invoice-table"), ("payments", "payment-table"), ("credit-notes", "credit-note-table")],
)
def test_htmx_gets_the_table_alone(staff: Client, name: str, target: str) -> None:
    part = staff.get(reverse(name), {"q": "a", "currency": ""}, headers=HTMX | {"HX-Target": target})
    assert text_of(part).strip().startswith(f'<div id="{target}"')
    assert part["HX-Push-Url"] == f"{reverse(name)}?q=a"


def test_the_list_costs_the_same_for_more_rows(
    staff: Client, organization: Organization, django_assert_max_num_queries: Any
) -> None:
    for _ in range(6):
        one_off(organization)
    with django_assert_max_num_queries(10):
        assert get(staff, "invoices").status_code == 200


# --- One invoice ------------------------------------------------------------------------------------------
def test_an_invoice_explains_its_amounts(
    staff: Client, organization: Organization, django_assert_max_num_queries: Any
) -> None:
    draft = usage_draft(organization)
    with django_assert_max_num_queries(16):
        page = get(staff, "invoice", draft)
    text = text_of(page)
    # 1,000 x 0.10 + 200 x 0.05 + 5 = 115; the fee of 30; 20 % of 145 = 29
    for words in (
        "First 1,000 units",
        "Above 1,000 units",
        "€115.00",
        "€145.00",
        "€29.00",
        "€174.00",
        "1 Jan 2026 – 31 Jan 2026",
    ):
        assert words in text
    assert "1</span> event" in text
    assert "Finalize" in text
    assert 'id="document"' not in text


def test_the_finalize_dialog_states_the_fresh_total_and_what_is_taken_off(
    staff: Client, organization: Organization
) -> None:
    draft = usage_draft(organization)
    customer = draft.customer
    give_coupon(customer, NOW, amount_minor=1000)
    make_wallet(customer, "50", NOW, name="Prepaid")
    dialog = staff.get(reverse("invoice-finalize", args=[draft]), headers=HTMX | {"HX-Target": "dialog"})
    # (145 - 10) x 1.2 = 162, less 50 from the wallet
    for words in ('−<span class="money">€10.00', "Wallet: Prepaid", "€27.00", "€112.00", 'value="11200"'):
        assert words in text_of(dialog)
    draft.refresh_from_db()
    assert (draft.status, draft.total_minor, draft.deductions.count()) == (
        "draft",
        17400,
        0,
    )  # nothing written
    answer = staff.post(
        reverse("invoice-finalize", args=[draft]),
        {"expected_total": "11200"},
        headers=HTMX | {"HX-Target": "dialog"},
    )
    assert answer["HX-Redirect"] == reverse("invoice", args=[draft])
    draft.refresh_from_db()
    assert (draft.status, draft.total_minor) == ("finalized", 11200)


def test_finalizing_another_total_than_was_shown_asks_again(
    staff: Client, organization: Organization
) -> None:
    draft = usage_draft(organization)
    answer = staff.post(
        reverse("invoice-finalize", args=[draft]),
        {"expected_total": "1"},
        headers=HTMX | {"HX-Target": "dialog"},
    )
    assert answer.status_code == 409
    assert "The total has changed" in text_of(answer)
    assert 'value="17400"' in text_of(answer)
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_refreshing_says_whether_something_changed(staff: Client, organization: Organization) -> None:
    draft = usage_draft(organization)
    page = staff.post(reverse("invoice-refresh", args=[draft]), follow=True)
    assert "Nothing has changed" in text_of(page)
    line = draft.lines.get(kind="charge")
    ingest(
        organization,
        [event(draft.lines.first().subscription, line.charge.metric, 100, at=on(2026, 1, 20))],
        at=NOW,
    )
    page = staff.post(reverse("invoice-refresh", args=[draft]), follow=True)
    assert "up to date now" in text_of(page)
    draft.refresh_from_db()
    assert draft.total_minor == 18000  # 100 x 0.05 x 1.2 = 6 more


def test_a_payment_is_prefilled_recorded_once_and_checked(staff: Client, organization: Organization) -> None:
    invoice = one_off(organization, "100")
    url = reverse("invoice-pay", args=[invoice])
    form = staff.get(url).context["form"]
    assert form["amount"].value() == "100.00"
    data = {"amount": "40", "paid_on": "2026-03-01", "reference": "TX 1", "once": form["once"].value()}
    assert staff.post(url, data).status_code == 302
    assert staff.post(url, data).status_code == 302
    payment = Payment.objects.get()
    assert (payment.amount_minor, payment.reference, payment.paid_at) == (4000, "TX 1", on(2026, 3, 1))
    invoice.refresh_from_db()
    assert invoice.payment_status == "partially_paid"
    bad = {
        "60.01": "Only 60.00 EUR is due.",
        "0": "Must be more than 0.",
        "1.005": "EUR has 2 decimals.",
        "abc": "Enter a number.",
    }
    for amount, words in bad.items():
        answer = staff.post(url, {"amount": amount, "paid_on": "2026-03-01"})
        assert answer.status_code == 422
        assert words in text_of(answer)
    answer = staff.post(url, {"amount": "60", "paid_on": "2999-01-01"})
    assert "This day is in the future." in text_of(answer)
    assert Payment.objects.count() == 1
    listed = get(staff, "payments", q="TX 1")
    assert [row.pk for row in listed.context["page"].object_list] == [payment.pk]
    assert "TX 1" in text_of(get(staff, "payment", payment))


def test_voiding_states_what_is_given_back(staff: Client, organization: Organization) -> None:
    draft = usage_draft(organization)
    make_wallet(draft.customer, "50", NOW, name="Prepaid")
    finalize_invoice(draft, by=ACTOR, at=NOW)
    url = reverse("invoice-void", args=[draft])
    assert 'Prepaid credits “Prepaid”: <span class="money">€50.00' in text_of(staff.get(url))
    staff.post(url, {"reason": "Wrong customer"})
    draft.refresh_from_db()
    assert (draft.status, draft.void_reason) == ("voided", "Wrong customer")
    paid = one_off(organization)
    record_payment(paid, key="k", by=ACTOR, at=NOW)
    assert "cannot be voided" in text_of(staff.get(reverse("invoice-void", args=[paid])))
    assert staff.post(reverse("invoice-void", args=[paid]), {}).status_code == 422


def test_only_one_off_drafts_can_be_deleted(staff: Client, organization: Organization) -> None:
    draft = one_off(organization, finalize=False)
    assert staff.post(reverse("invoice-delete", args=[draft])).status_code == 302
    assert not Invoice.objects.filter(pk=draft.pk).exists()


# --- The document -----------------------------------------------------------------------------------------
def test_the_panel_waits_fails_and_shows(staff: Client, organization: Organization) -> None:
    invoice = one_off(organization)
    text = text_of(get(staff, "invoice-document", invoice))
    assert "Your PDF is being made" in text
    assert 'hx-trigger="load delay:1s"' in text
    assert get(staff, "invoice-pdf", invoice).status_code == 404
    Invoice.objects.filter(pk=invoice.pk).update(pdf_state="failed")
    Job.objects.filter(subject_id=invoice.pk).update(state="failed", error="No fonts")
    text = text_of(get(staff, "invoice-document", invoice))
    assert "No fonts" in text
    assert "Run again" in text
    assert "hx-trigger" not in text
    Job.objects.filter(subject_id=invoice.pk).update(state="queued")
    assert "Your PDF is being made" in text_of(get(staff, "invoice-document", invoice))
    Invoice.objects.filter(pk=invoice.pk).update(pdf_state="pending")
    publish_invoice(invoice.pk)
    text = text_of(get(staff, "invoice-document", invoice))
    assert "<iframe" in text
    assert "hx-trigger" not in text


def test_the_pdf_is_shown_downloaded_and_cached_privately(staff: Client, organization: Organization) -> None:
    invoice = one_off(organization)
    publish_invoice(invoice.pk)
    url = reverse("invoice-pdf", args=[invoice])
    shown = staff.get(url)
    assert b"".join(shown.streaming_content).startswith(b"%PDF")
    assert shown["Content-Type"] == "application/pdf"
    assert shown["Content-Disposition"] == f'inline; filename="{invoice.number}.pdf"'
    assert shown["X-Frame-Options"] == "SAMEORIGIN"
    assert "private" in shown["Cache-Control"]
    assert staff.get(url, {"download": "1"})["Content-Disposition"].startswith("attachment")
    assert staff.get(url, headers={"If-None-Match": shown["ETag"]}).status_code == 304
    invoice.customer.deleted_at = NOW
    invoice.customer.save()
    assert staff.get(url).status_code == 200
    page = text_of(get(staff, "invoice", invoice))
    assert reverse("customer", args=[invoice.customer]) not in page
    assert invoice.customer_name in page


# --- Who may ----------------------------------------------------------------------------------------------
READ = ("invoice", "invoice-pdf", "invoice-document")
ACTS = ("invoice-finalize", "invoice-pay", "invoice-void", "invoice-delete")


@pytest.mark.parametrize("name", READ + ACTS)
def test_another_organization_finds_nothing(client: Client, organization: Organization, name: str) -> None:
    invoice = one_off(organization)
    publish_invoice(invoice.pk)
    stranger = sign_in(client, make_member(make_organization("Other")))
    assert get(stranger, name, invoice).status_code == 404
    assert text_of(get(stranger, "invoices")).count(invoice.number) == 0


def test_support_looks_and_changes_nothing(client: Client, organization: Organization) -> None:
    invoice = one_off(organization)
    support = sign_in(client, make_member(organization, "support"))
    text = text_of(get(support, "invoice", invoice))
    assert "Record payment" not in text
    assert "Void" not in text
    for name in ("invoice-pay", "invoice-void", "invoice-finalize"):
        assert get(support, name, invoice).status_code == 403
