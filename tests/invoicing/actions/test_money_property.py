"""Whatever is done to an invoice, and in whatever order: credit notes take back no more than it asked for,
refunds give back no more than came, what is due is never negative, and the numbers have no hole.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.rules.errors import BillingError
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.refunds import refund_payment
from invoicing.actions.void import void_invoice
from invoicing.actions.write_offs import undo_write_off, write_off
from invoicing.models import CreditNote, Invoice, Payment, Refund
from invoicing.queries.series import SERIES, sums_of
from invoicing.queries.verify import checked
from tests.factories.invoicing import billed_customer, default_tax
from tests.factories.people import ACTOR, NOW, make_organization

ACTS = st.lists(
    st.tuples(
        st.sampled_from(["pay", "refund", "credit", "offset", "void", "give up", "take back", "roll back"]),
        st.integers(1, 9000),
    ),
    max_size=10,
)


class Undo(Exception):
    """Ends an example: its rows are rolled back."""


def act_on(invoice: Invoice, act: str, minor: int, number: int) -> None:
    """One act; `minor` says how much of it."""
    key, line = f"act-{number}", invoice.lines.order_by("position")[number % 2]
    if act == "pay":
        record_payment(invoice, amount_minor=minor, key=key, by=ACTOR, at=NOW)
    elif act == "refund":
        payment = Payment.objects.filter(invoice=invoice).order_by("?").first()
        if payment is not None:
            refund_payment(payment, amount_minor=minor, key=key, by=ACTOR, at=NOW)
    elif act in ("credit", "offset"):
        items, tax = [CreditItem(line, "Less", minor)], minor // 5
        offset = minor + tax if act == "offset" else 0
        create_credit_note(invoice, items, tax, offset_minor=offset, key=key, by=ACTOR, at=NOW)
    elif act == "void":
        void_invoice(invoice, by=ACTOR, at=NOW)
    elif act == "give up":
        write_off(invoice, kind="goodwill", key=key, by=ACTOR, at=NOW)
    elif act == "take back":
        undo_write_off(invoice, by=ACTOR, at=NOW)
    else:
        another(invoice)


def another(invoice: Invoice) -> None:
    """An invoice whose transaction is given up after it has taken its number."""
    with pytest.raises(Undo), transaction.atomic():
        made = create_one_off(invoice.customer, [Item("Gone", Decimal(1))], finalize=True, by=ACTOR, at=NOW)
        assert made.number
        raise Undo


@pytest.mark.django_db
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_the_bounds_hold(acts: list[tuple[str, int]]) -> None:
    with pytest.raises(Undo), transaction.atomic():
        organization = make_organization()
        default_tax(organization)
        customer = billed_customer(organization)
        items = [Item("Work", Decimal("49.99")), Item("More", Decimal("33.33"))]
        invoice = create_one_off(customer, items, finalize=True, by=ACTOR, at=NOW)
        asked = invoice.lines_minor + invoice.taxes_minor
        for number, (act, minor) in enumerate(acts):
            try:
                with transaction.atomic():
                    act_on(invoice, act, minor, number)
            except BillingError:
                pass
            invoice.refresh_from_db()
            check(invoice, asked)
        create_one_off(customer, items, finalize=True, by=ACTOR, at=NOW)
        for kind in SERIES.values():
            assert sums_of(organization, kind).whole
        sealed = checked(invoice)
        assert sealed is not None and sealed.whole
        raise Undo


def check(invoice: Invoice, asked: int) -> None:
    """The bounds, from the rows."""
    notes = CreditNote.objects.filter(invoice=invoice).exclude(status="voided")
    assert (notes.aggregate(sum=Sum("total_minor"))["sum"] or 0) <= asked
    for payment in Payment.objects.filter(invoice=invoice):
        back = Refund.objects.filter(payment=payment).aggregate(sum=Sum("amount_minor"))["sum"] or 0
        assert back == payment.refunded_minor <= payment.amount_minor
    assert 0 <= invoice.due_minor <= invoice.total_minor
    assert 0 <= invoice.offset_minor + invoice.written_off_minor <= invoice.paid_minor <= invoice.total_minor
