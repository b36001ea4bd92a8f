"""The choices when a subscription ends: with or without a closing invoice; unused days as credit, as money, off their
invoice, or not at all. 31.00 and 20 % tax for October, ended on the 15th: 16 of 31 days are 16.00 + 3.20.
"""

from __future__ import annotations

import pytest

from billing.actions.subscriptions import start_subscription
from billing.models import AuditEntry, Organization, Subscription
from billing.rules.errors import Conflict
from invoicing.actions.billing_run import bill_now, run
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.crediting import void_credit_note
from invoicing.actions.payments import record_payment
from invoicing.actions.preview import preview_endings
from invoicing.actions.termination import terminate_subscription
from invoicing.actions.void import void_invoice
from invoicing.models import CreditNote, Invoice, InvoiceLine, Refund
from invoicing.rules.termination import Ending, OnTermination
from tests.factories.catalog import charge, make_metric
from tests.factories.customers import make_customer
from tests.factories.invoicing import billed_customer, default_tax, make_plan, make_wallet, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db
END = on(2026, 10, 15, 10)


@pytest.fixture
def organization() -> Organization:
    found = make_organization()
    default_tax(found, "20")
    return found


def advance(organization: Organization, amount: int = 3100) -> Subscription:
    """A plan in advance, October billed."""
    plan = make_plan(organization, amount, pay_in_advance=True)
    return subscribe(billed_customer(organization), plan, on(2026, 10, 1))


def end(row: Subscription, unused: str, *, invoice: bool = True) -> CreditNote | None:
    """Ended with that choice."""
    ending = Ending(invoice, OnTermination(unused))
    return terminate_subscription(row, ending, by=ACTOR, at=END).credit_note


@pytest.mark.parametrize(
    ("mode", "paid", "parts"),
    [  # (credit, refund, offset); the 15 days used are 18.00 with tax
        ("credit", 3720, (1920, 0, 0)),
        ("refund", 3720, (0, 1920, 0)),
        ("refund", 2500, (1220, 700, 0)),
        ("refund", 1800, (1920, 0, 0)),
        ("refund", 0, (1920, 0, 0)),
        ("offset", 0, (0, 0, 1920)),
        ("offset", 930, (0, 0, 1920)),
        ("offset", 2500, (0, 700, 1220)),
        ("offset", 3720, (0, 1920, 0)),
    ],
)
def test_unused_days_in_each_way(
    organization: Organization, mode: str, paid: int, parts: tuple[int, int, int]
) -> None:
    row = advance(organization)
    invoice = Invoice.objects.get()
    if paid:
        record_payment(invoice, amount_minor=paid, key="p", by=ACTOR, at=on(2026, 10, 2))
    note = end(row, mode)
    assert note is not None
    assert (note.net_minor, note.tax_minor) == (1600, 320)
    assert (note.credit_minor, note.refund_minor, note.offset_minor) == parts
    assert note.balance_minor == parts[0]
    assert sum(refund.amount_minor for refund in Refund.objects.all()) == parts[1]
    invoice.refresh_from_db()
    assert (invoice.received_minor, invoice.offset_minor) == (paid, parts[2])
    assert invoice.due_minor == 3720 - paid - parts[2]


def test_nothing_given_back_when_it_is_not_wanted(organization: Organization) -> None:
    row = advance(organization)
    assert end(row, "skip") is None
    assert not CreditNote.objects.exists()
    assert Invoice.objects.exclude(status="closed").get().total_minor == 3720


def test_an_offset_that_pays_the_rest_marks_the_invoice_as_paid(organization: Organization) -> None:
    row = advance(organization)
    invoice = Invoice.objects.get()
    record_payment(invoice, amount_minor=1800, key="p", by=ACTOR, at=on(2026, 10, 2))
    note = end(row, "offset")
    invoice.refresh_from_db()
    assert note is not None and note.offset_minor == 1920
    assert (invoice.payment_status, invoice.due_minor, invoice.paid_at) == ("paid", 0, END)
    entry = AuditEntry.objects.get(action="invoice.offset")
    assert (entry.changes["paid_minor"], entry.reason) == ([1800, 3720], f"Credit note {note.number}")


def test_an_offset_stays(organization: Organization) -> None:
    """It lowered what is due of an issued invoice: neither it nor the invoice can be withdrawn."""
    note = end(advance(organization), "offset")
    assert note is not None and not note.untouched
    for withdraw in (
        lambda: void_credit_note(note, by=ACTOR, at=END),
        lambda: void_invoice(note.invoice, by=ACTOR, at=END),
    ):
        with pytest.raises(Conflict) as refused:
            withdraw()
        assert refused.value.code == "credit_note_used"


def test_no_more_is_offset_than_is_due(organization: Organization) -> None:
    row = advance(organization)
    invoice = Invoice.objects.get()
    item = CreditItem(InvoiceLine.objects.get(), "Too much", 100)
    with pytest.raises(Conflict, match="More than is due"):
        create_credit_note(invoice, [item], 0, offset_minor=3721, key="x", by=ACTOR, at=END)
    assert row.status == "active"


def test_credits_that_paid_the_fee_are_not_money(organization: Organization) -> None:
    """A wallet paid 30.00 of 37.20, money 7.20: the days used are 18.00, so nothing goes back as money."""
    customer = billed_customer(organization)
    make_wallet(customer, "30", on(2026, 9, 1))
    row = subscribe(customer, make_plan(organization, 3100, pay_in_advance=True), on(2026, 10, 1))
    invoice = Invoice.objects.get()
    assert (invoice.wallet_credits_minor, invoice.total_minor) == (3000, 720)
    record_payment(invoice, key="p", by=ACTOR, at=on(2026, 10, 2))
    note = end(row, "refund")
    assert note is not None and (note.refund_minor, note.credit_minor) == (0, 1920)


def test_all_of_the_fee_takes_all_of_its_tax(organization: Organization) -> None:
    """0.07 and 0.01 tax, of which 0.05 were credited before: the last 0.02 take the tax that is left."""
    row = subscribe(
        billed_customer(organization),
        make_plan(organization, 7, pay_in_advance=True),
        on(2026, 10, 1),
    )
    line = InvoiceLine.objects.get()
    create_credit_note(
        line.invoice, [CreditItem(line, "Too much", 5)], 0, key="x", by=ACTOR, at=on(2026, 10, 2)
    )
    note = end(row, "credit")
    assert note is not None
    assert (note.net_minor, note.tax_minor) == (2, 1)


@pytest.mark.parametrize("in_advance", [True, False])
def test_without_a_closing_invoice_usage_is_never_billed(
    organization: Organization, in_advance: bool
) -> None:
    metric = make_metric(organization)
    plan = make_plan(organization, 3100, charge(metric), pay_in_advance=in_advance)
    row = subscribe(billed_customer(organization), plan, on(2026, 10, 1))
    before = Invoice.objects.count()
    use(row, metric, 50, at=on(2026, 10, 9))
    ended = terminate_subscription(row, Ending(invoice=False), by=ACTOR, at=END)
    assert ended.invoice is None and (ended.credit_note is not None) == in_advance
    run(on(2026, 12, 1))
    assert Invoice.objects.count() == before


def test_periods_that_were_over_are_billed_all_the_same(organization: Organization) -> None:
    """The run was late: September is billed; what began on 1 October, the day of the end, is left out."""
    row = subscribe(billed_customer(organization), make_plan(organization, 3000), on(2026, 9, 1))
    terminate_subscription(row, Ending(invoice=False), by=ACTOR, at=on(2026, 10, 15))
    assert [invoice.lines_minor for invoice in Invoice.objects.all()] == [3000]
    other = subscribe(billed_customer(organization), make_plan(organization, 3000), on(2026, 9, 1))
    terminate_subscription(other, Ending(invoice=False), by=ACTOR, at=on(2026, 10, 1))
    assert Invoice.objects.filter(customer=other.customer).count() == 0


def test_each_choice_is_foreseen_as_it_comes(organization: Organization) -> None:
    metric = make_metric(organization)
    plan = make_plan(organization, 3100, charge(metric), pay_in_advance=True)
    row = subscribe(billed_customer(organization), plan, on(2026, 10, 1))
    record_payment(Invoice.objects.get(), amount_minor=2500, key="p", by=ACTOR, at=on(2026, 10, 2))
    use(row, metric, 100, at=on(2026, 10, 9))
    before = (Invoice.objects.count(), AuditEntry.objects.count())
    foreseen = preview_endings(row, by=ACTOR, at=END)
    assert (Invoice.objects.count(), AuditEntry.objects.count()) == before
    assert not CreditNote.objects.exists() and not Refund.objects.exists()
    assert list(foreseen) == [
        OnTermination.CREDIT,
        OnTermination.REFUND,
        OnTermination.OFFSET,
        OnTermination.SKIP,
    ]
    due = {mode: preview.invoice.due_minor for mode, preview in foreseen.items() if preview.invoice}
    assert due == {
        OnTermination.CREDIT: 0,
        OnTermination.REFUND: 0,
        OnTermination.OFFSET: 1200,
        OnTermination.SKIP: 1200,
    }
    note = foreseen[OnTermination.REFUND].given_back.note
    assert note is not None
    made = terminate_subscription(row, Ending(unused=OnTermination.REFUND), by=ACTOR, at=END)
    assert made.credit_note is not None and made.invoice is not None
    assert (made.credit_note.refund_minor, made.invoice.total_minor) == (note.refund_minor, 0)


def test_only_ways_that_make_a_difference_are_offered(organization: Organization) -> None:
    unpaid = advance(organization)
    assert list(preview_endings(unpaid, by=ACTOR, at=END)) == ["credit", "offset", "skip"]
    arrears = subscribe(billed_customer(organization), make_plan(organization, 3100), on(2026, 10, 1))
    [preview] = preview_endings(arrears, by=ACTOR, at=END).values()
    assert preview.invoice is not None and preview.invoice.total_minor == 1800
    graced = make_customer(organization, currency="EUR", grace_period_days=30)
    draft = subscribe(graced, make_plan(organization, 3100, pay_in_advance=True), on(2026, 10, 1))
    offered = preview_endings(draft, by=ACTOR, at=END)
    given = offered[OnTermination.CREDIT].given_back
    assert given.draft is not None
    assert (given.before_minor, given.draft.total_minor) == (3720, 1800)
    end(draft, "skip")
    assert Invoice.objects.exclude(status="closed").get(customer=graced).total_minor == 3720


def test_what_stays_in_use_is_billed_when_it_ends_at_the_moment_of_a_bill(organization: Organization) -> None:
    """Three seats at 5.00 and a minimum spend of 31.00: a bill in between at the very moment of the end leaves both
    to the closing bill: 15.00, and 15 of 31 days of the minimum are 15.00 of which the calls were 2.00.
    """
    seats = make_metric(organization, "seats", recurring=True)
    calls = make_metric(organization, "calls")
    plan = make_plan(
        organization,
        0,
        charge(seats, properties={"amount": "5"}),
        charge(calls, min_amount_minor=3100),
    )
    row = subscribe(billed_customer(organization), plan, on(2026, 10, 1))
    use(row, seats, 3, at=on(2026, 10, 2))
    use(row, calls, 20, at=on(2026, 10, 3))
    first = bill_now(row.customer, by=ACTOR, at=END)
    assert [line.amount_minor for line in first.lines.all()] == [200]
    last = terminate_subscription(row, by=ACTOR, at=END).invoice
    assert last is not None
    assert [(line.kind, line.amount_minor) for line in last.lines.order_by("position")] == [
        ("charge", 1500),
        ("true_up", 1300),
    ]


def test_one_that_ends_at_the_moment_of_its_start_has_nothing_to_bill(organization: Organization) -> None:
    row = start_subscription(billed_customer(organization), make_plan(organization, 3100), by=ACTOR, at=END)
    assert terminate_subscription(row, by=ACTOR, at=END).invoice is None
