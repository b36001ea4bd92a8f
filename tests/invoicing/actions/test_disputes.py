"""Invoices in dispute: owed, not overdue, nobody is asked; and what may change beside the lines of an invoice."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import AuditEntry, EmittedEvent, Subscription
from billing.rules.errors import BillingError, Conflict, Invalid, Locked
from customers.queries.ageing import ageing
from customers.queries.overview_strip import balance_strip
from invoicing.actions.billing_run import run
from invoicing.actions.disputes import dispute_invoice, end_dispute
from invoicing.actions.invoice_details import update_invoice
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.models import Invoice
from invoicing.queries.counts import open_counts
from invoicing.queries.listing import balances, invoice_list
from invoicing.rules.states import DisputeState
from tests.factories.customers import make_customer
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_member, make_organization
from tests.invoicing.actions.test_line_edits import AT, drafted

pytestmark = pytest.mark.django_db
LATE = on(2026, 4, 10)


@pytest.fixture
def invoice() -> Invoice:
    """31.00 for January, due on 3 March, not paid on 10 April; the subscription is past due."""
    customer = billed_customer(make_organization(), net_payment_term_days=30)
    subscribe(customer, make_plan(customer.organization), on(2026, 1, 1))
    run(on(2026, 2, 1))
    found: Invoice = Invoice.objects.get()
    Subscription.objects.update(status="past_due")
    return found


def seen(invoice: Invoice) -> dict[str, Any]:
    """What is overdue, from every side."""
    today = LATE.date()
    counts = invoice_list(invoice.organization, {}, "all", today).counts
    (balance,) = balances(invoice.customer, today)
    return {
        "tabs": (counts["outstanding"], counts["overdue"], counts["disputed"]),
        "balance": (balance.outstanding_minor, balance.overdue_minor),
        "menu": open_counts(invoice.organization, today),
        "late": Invoice.objects.overdue(today).count(),
        "subscription": Subscription.objects.get().status,
    }


def test_it_is_owed_and_not_overdue_until_it_ends(invoice: Invoice) -> None:
    before = seen(invoice)
    assert before == {
        "tabs": (1, 1, 0),
        "balance": (3100, 3100),
        "menu": {"overdue": "1"},
        "late": 1,
        "subscription": "past_due",
    }
    dispute_invoice(invoice, reason=" Wrong plan ", by=ACTOR, at=LATE)
    assert seen(invoice) == {
        "tabs": (1, 0, 1),
        "balance": (3100, 0),
        "menu": {},
        "late": 0,
        "subscription": "active",
    }
    with pytest.raises(Conflict) as refused:
        dispute_invoice(invoice, reason="Again", by=ACTOR, at=LATE)
    assert refused.value.code == "invalid_move"
    end_dispute(invoice, DisputeState.REJECTED, note="They agree", by=ACTOR, at=LATE)
    assert seen(invoice) == before
    fresh = Invoice.objects.get()
    assert (fresh.dispute, fresh.dispute_reason) == ("rejected", "Wrong plan")
    acts = ["invoice.disputed", "invoice.dispute_ended"]
    assert (
        list(AuditEntry.objects.filter(action__in=acts).order_by("pk").values_list("action", flat=True))
        == acts
    )
    assert EmittedEvent.objects.filter(name__in=acts).count() == 2
    with pytest.raises(Conflict):
        end_dispute(invoice, DisputeState.WITHDRAWN, by=ACTOR, at=LATE)
    dispute_invoice(invoice, reason="Once more", by=ACTOR, at=LATE)
    assert Invoice.objects.get().dispute_ended_at is None


def test_the_customers_strip_knows_no_late_part(invoice: Invoice) -> None:
    dispute_invoice(invoice, reason="Wrong plan", by=ACTOR, at=LATE)
    strip = balance_strip(invoice.customer, [], LATE)
    assert [row.overdue.minor for row in strip.currencies] == [0]
    assert strip.currencies[0].outstanding.minor == 3100


def test_the_ageing_report_has_it_in_a_column_of_its_own(invoice: Invoice) -> None:
    def columns(at: datetime, *, past: bool = False) -> tuple[int, int]:
        (total,) = ageing(invoice.organization, at.date(), at + timedelta(days=1) if past else None).totals
        return total.minor["disputed"], total.minor["total"]

    dispute_invoice(invoice, reason="Wrong plan", by=ACTOR, at=LATE)
    assert columns(LATE) == columns(LATE, past=True) == (3100, 3100)
    assert columns(LATE - timedelta(days=5), past=True) == (0, 3100)
    end_dispute(invoice, DisputeState.WITHDRAWN, by=ACTOR, at=LATE + timedelta(days=5))
    assert columns(LATE) == (0, 3100)
    assert columns(LATE, past=True) == (3100, 3100)


@pytest.mark.parametrize(("reason", "paid", "code"), [(" ", False, "invalid"), ("x", True, "nothing_due")])
def test_refused(invoice: Invoice, reason: str, paid: bool, code: str) -> None:
    if paid:
        record_payment(invoice, key="all", by=ACTOR, at=LATE)
    with pytest.raises(BillingError) as refused:
        dispute_invoice(invoice, reason=reason, by=ACTOR, at=LATE)
    assert refused.value.code == code and Invoice.objects.get().dispute == ""


def test_a_draft_is_not_in_dispute() -> None:
    customer = make_customer(make_organization(), currency="EUR")
    draft = create_one_off(customer, [Item("Work", Decimal(1))], by=ACTOR, at=AT)
    with pytest.raises(Invalid):
        dispute_invoice(draft, reason="x", by=ACTOR, at=AT)


def test_pages_of_a_dispute(invoice: Invoice) -> None:
    staff = Client()
    staff.force_login(make_member(invoice.organization, "manager").user)
    url = reverse("invoice-dispute", args=[invoice])
    assert staff.post(url, {"reason": ""}).status_code == 422
    assert staff.post(url, {"reason": "Wrong plan"}).status_code == 302
    page = staff.get(reverse("invoice", args=[invoice])).content.decode()
    assert "In dispute" in page and "Wrong plan" in page and "End the dispute" in page
    assert "Disputed" in staff.get(reverse("invoices") + "?tab=disputed").content.decode()
    end = reverse("invoice-dispute-end", args=[invoice])
    assert staff.post(end, {"outcome": "open"}).status_code == 422
    assert staff.post(end, {"outcome": "upheld"}).status_code == 302
    assert "The customer was right" in staff.get(reverse("invoice", args=[invoice])).content.decode()
    support = Client()
    support.force_login(make_member(invoice.organization, "support").user)
    assert support.get(url).status_code == 403


def test_details_of_a_draft_and_of_an_issued_invoice(invoice: Invoice) -> None:
    values = {"purchase_order": " PO 7 ", "notes": "Thanks", "metadata": {"a": 1}}
    draft = drafted(make_organization())
    day = date(2026, 3, 1)
    fresh = update_invoice(draft, values | {"finalize_on": day}, by=ACTOR, at=AT)
    assert (fresh.purchase_order, fresh.finalize_at) == ("PO 7", on(2026, 3, 1))
    run(on(2026, 2, 20))
    assert Invoice.objects.get(pk=draft.pk).status == "draft"
    update_invoice(draft, {"finalize_on": None}, by=ACTOR, at=AT)
    assert Invoice.objects.get(pk=draft.pk).finalize_at is None
    with pytest.raises(BillingError):
        update_invoice(draft, {"finalize_on": AT.date()}, by=ACTOR, at=AT)
    entries = AuditEntry.objects.filter(action="invoice.updated").count()
    update_invoice(draft, values, by=ACTOR, at=AT)
    assert AuditEntry.objects.filter(action="invoice.updated").count() == entries == 2
    update_invoice(invoice, {"metadata": {"b": "2"}, "notes": ""}, by=ACTOR, at=LATE)
    for change in ({"notes": "x"}, {"purchase_order": "x"}, {"finalize_on": LATE.date() + timedelta(9)}):
        with pytest.raises(Locked) as refused:
            update_invoice(invoice, change, by=ACTOR, at=LATE)
        assert refused.value.field == next(iter(change))


def test_the_drawer_of_details() -> None:
    draft = drafted(make_organization())
    update_invoice(draft, {"metadata": {"list": [1, 2], "text": "a: b"}}, by=ACTOR, at=AT)
    staff = Client()
    staff.force_login(make_member(draft.organization, "manager").user)
    url = reverse("invoice-details", args=[draft])
    form = staff.get(url).context["form"]
    data = {name: form[name].value() or "" for name in form.fields}
    assert data["metadata"] == "list: [1, 2]\ntext: a: b"
    more = data["metadata"] + "\nnew: 7"
    held = data | {"metadata": more, "when": "held", "notes": "Thanks"}
    assert staff.post(url, held).status_code == 302
    fresh = Invoice.objects.get(pk=draft.pk)
    assert fresh.metadata == {"list": [1, 2], "text": "a: b", "new": "7"}
    assert (fresh.notes, fresh.finalize_at) == ("Thanks", None)
    for fault in ({"metadata": "x"}, {"metadata": "a: 1\na: 2"}, {"when": "day", "finalize_on": ""}):
        answer = staff.post(url, held | fault)
        assert answer.status_code == 422 and next(reversed(fault)) in answer.context["form"].errors
