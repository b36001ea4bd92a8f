"""Where a credit note goes: credit, money, off what is due. Its rest is withdrawn, sold credits are taken back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.actions.wallet_ledger import ledger_total
from billing.actions.wallet_opening import create_wallet
from billing.actions.wallets import void_credits
from billing.models import AuditEntry, EntryKind, Wallet, WalletEntry
from billing.rules.errors import BillingError, Conflict, Invalid
from invoicing.actions.crediting import CreditRequest, issue_credit_note, void_credit_note, withdraw_rest
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.top_up import sell_credits
from invoicing.actions.void import void_invoice
from invoicing.actions.write_offs import write_off
from invoicing.models import CreditNote, Invoice, Payment, Refund
from invoicing.rules.crediting import CreditReason
from tests.factories.catalog import make_tax
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


def make_invoice() -> Invoice:
    """100.00 and 50.00 at 19 %: 178.50."""
    organization = make_organization("Acme")
    tax = make_tax(organization, rate=Decimal(19))
    items = [Item("Work", Decimal(100)), Item("Travel", Decimal(50))]
    return create_one_off(make_customer(organization), items, taxes=[tax], finalize=True, by=ACTOR, at=NOW)


def issue(invoice: Invoice, key: str = "one", **wanted: Any) -> CreditNote:
    return issue_credit_note(
        invoice, CreditRequest(**wanted), reason=CreditReason.ORDER_CHANGE, key=key, by=ACTOR, at=NOW
    )


@pytest.mark.parametrize(
    ("paid", "total", "refund", "offset", "credit", "due_after"),
    [
        (0, 17850, 0, 17850, 0, 0),
        (0, 5000, 0, 3000, 2000, 14850),
        (10000, 17850, 10000, 7850, 0, 0),
        (10000, 9000, 1000, 7000, 1000, 850),
        (17850, 9000, 9000, 0, 0, 0),
    ],
)
def test_a_note_is_split_three_ways(
    paid: int, total: int, refund: int, offset: int, credit: int, due_after: int
) -> None:
    """Of 178.50, by hand."""
    invoice = make_invoice()
    if paid:
        record_payment(invoice, amount_minor=paid, key="p", by=ACTOR, at=NOW)
    note = issue(invoice, total_minor=total, refund_minor=refund, offset_minor=offset)
    assert (note.refund_minor, note.offset_minor, note.balance_minor) == (refund, offset, credit)
    invoice.refresh_from_db()
    assert invoice.due_minor == due_after
    assert (invoice.payment_status == "paid") == (due_after == 0)
    assert sum(Payment.objects.values_list("refunded_minor", flat=True)) == refund
    assert Refund.objects.count() == (1 if refund else 0)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"offset_minor": -1}, "offset"),
        ({"offset_minor": 7851}, "offset"),
        ({"refund_minor": 5000, "offset_minor": 4001}, "offset"),
        ({"refund_minor": 9001}, "refund"),
    ],
)
def test_no_part_is_more_than_it_can_be_and_nothing_is_written(wanted: dict[str, int], field: str) -> None:
    """100.00 of 178.50 are paid; the note is over 90.00."""
    invoice = make_invoice()
    record_payment(invoice, amount_minor=10000, key="p", by=ACTOR, at=NOW)
    with pytest.raises(Invalid) as refused:
        issue(invoice, total_minor=9000, **wanted)
    assert refused.value.field == field
    assert not CreditNote.objects.exists() and not Refund.objects.exists()


def test_what_is_left_of_a_used_note_is_withdrawn_once() -> None:
    invoice = make_invoice()
    note = issue(invoice, total_minor=5000, offset_minor=3000)
    with pytest.raises(Conflict):
        void_credit_note(note, by=ACTOR, at=NOW)
    for _ in range(2):
        note = withdraw_rest(note, reason="Agreed", by=ACTOR, at=NOW)
        assert (note.status, note.balance_minor, note.withdrawn_minor, note.used_minor) == (
            "finalized",
            0,
            2000,
            0,
        )
    assert AuditEntry.objects.filter(action="credit_note.rest_withdrawn").count() == 1


def test_an_unused_note_is_voided_not_withdrawn() -> None:
    note = issue(make_invoice(), total_minor=5000)
    with pytest.raises(Conflict, match="void it"):
        withdraw_rest(note, by=ACTOR, at=NOW)
    void_credit_note(note, by=ACTOR, at=NOW)
    with pytest.raises(Invalid, match="voided already"):
        withdraw_rest(note, by=ACTOR, at=NOW)


def test_an_invoice_whose_note_was_withdrawn_in_part_is_not_voided() -> None:
    """It would make its credit unused as a whole."""
    invoice = make_invoice()
    note = issue(invoice, total_minor=5000)
    CreditNote.objects.filter(pk=note.pk).update(balance_minor=4000)
    withdraw_rest(CreditNote.objects.get(pk=note.pk), by=ACTOR, at=NOW)
    with pytest.raises(Conflict):
        void_invoice(invoice, reason="", by=ACTOR, at=NOW)


def sale(*, paid: bool) -> tuple[Wallet, Invoice]:
    """40 credits at 0.50 EUR: 20.00, and 10.00 promotional that are used before."""
    customer = make_customer(make_organization(), currency="EUR")
    wallet = create_wallet(customer, currency="EUR", rate=Decimal("0.5"), by=ACTOR, at=NOW)
    invoice = sell_credits(wallet, Decimal(40), by=ACTOR, at=NOW)
    if paid:
        record_payment(invoice, key="p", by=ACTOR, at=NOW)
    wallet.refresh_from_db()
    invoice.refresh_from_db()
    return wallet, invoice


def test_unpaid_credits_are_offset_as_a_whole_and_never_arrive() -> None:
    wallet, invoice = sale(paid=False)
    with pytest.raises(Invalid):
        issue(invoice, everything=True, refund_minor=1)
    note = issue(invoice, total_minor=100)
    assert (note.total_minor, note.offset_minor, note.refund_minor, note.balance_minor) == (2000, 2000, 0, 0)
    invoice.refresh_from_db()
    wallet.refresh_from_db()
    assert (invoice.due_minor, invoice.payment_status) == (0, "paid")
    assert wallet.balance_minor == 0 and not WalletEntry.objects.filter(wallet=wallet).exists()


def test_paid_credits_go_back_as_money_and_out_of_the_wallet() -> None:
    wallet, invoice = sale(paid=True)
    void_credits(wallet, Decimal(10), reason="Used", key="v", by=ACTOR, at=NOW)
    with pytest.raises(Invalid, match=r"15\.00 EUR"):
        issue(invoice, total_minor=1501)
    first = issue(invoice, total_minor=500)
    rest = issue(invoice, "two", everything=True)
    assert [(note.total_minor, note.refund_minor, note.balance_minor) for note in (first, rest)] == [
        (500, 500, 0),
        (1000, 1000, 0),
    ]
    wallet.refresh_from_db()
    assert (wallet.balance_minor, wallet.credits_balance) == (0, 0)
    assert ledger_total(wallet) == 0
    taken = WalletEntry.objects.filter(wallet=wallet, kind=EntryKind.VOIDED, reason__startswith="Credit note")
    assert sorted(taken.values_list("amount_minor", flat=True)) == [-1000, -500]
    assert Payment.objects.get().refunded_minor == 1500
    with pytest.raises(BillingError, match="None of the credits"):
        issue(invoice, "three", everything=True)


def test_credits_of_an_invoice_that_is_paid_in_part_are_not_taken_back() -> None:
    wallet, invoice = sale(paid=False)
    record_payment(invoice, amount_minor=500, key="part", by=ACTOR, at=NOW)
    invoice.refresh_from_db()
    with pytest.raises(Conflict, match=r"5\.00 EUR"):
        issue(invoice, everything=True)
    assert not CreditNote.objects.exists() and wallet.balance_minor == 0


def test_credits_whose_invoice_was_written_off_are_not_taken_back() -> None:
    _, invoice = sale(paid=False)
    write_off(invoice, kind="bad_debt", reason="Gone", key="w", by=ACTOR, at=NOW)
    invoice.refresh_from_db()
    with pytest.raises(Conflict, match="undo that first"):
        issue(invoice, everything=True)
