"""Crediting the tax alone: amounts by tax, what is left for other notes, documents; never more than there is."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from billing.models import Organization
from billing.rules.errors import BillingError, Conflict, FieldErrors
from customers.actions.classification import change_type
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.crediting import CreditRequest, issue_credit_note, void_credit_note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.termination import terminate_subscription
from invoicing.documents.pdf import render_pdf
from invoicing.models import CreditNote, Invoice, InvoiceLine, Refund
from invoicing.queries.crediting import creditable
from invoicing.queries.document import credit_note_document
from invoicing.rules.crediting import CreditReason
from invoicing.rules.termination import Ending, OnTermination
from tests.factories.catalog import make_tax
from tests.factories.customers import make_customer
from tests.factories.documents import pdf_text
from tests.factories.invoicing import billed_customer, default_tax, make_plan, on, subscribe
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization("Acme")


def invoiced(
    organization: Organization, *amounts: str, rates: tuple[str, ...] = ("19",), **fields: Any
) -> Invoice:
    """An issued invoice over these items, all of them with these taxes (VAT and, with two rates, Levy)."""
    taxes = [
        make_tax(organization, f"tax_{rate}".replace(".", "_"), rate=rate, name=name)
        for name, rate in zip(("VAT", "Levy"), rates, strict=False)
    ]
    customer = make_customer(organization, **({"currency": "EUR"} | fields))
    items = [Item(f"Item {number}", Decimal(amount)) for number, amount in enumerate(amounts, 1)]
    return create_one_off(customer, items, taxes=taxes, finalize=True, by=ACTOR, at=NOW)


def issue(invoice: Invoice, key: str = "one", **wanted: Any) -> CreditNote:
    return issue_credit_note(
        invoice, CreditRequest(**wanted), reason=CreditReason.TAX_CORRECTION, key=key, by=ACTOR, at=NOW
    )


def only(invoice: Invoice, *amounts: int, key: str = "one", **wanted: Any) -> CreditNote:
    """A note over these amounts of the invoice's taxes, in the order of their names; over all without any."""
    taxes = {tax.key: minor for tax, minor in zip(creditable(invoice).taxes, amounts, strict=False)}
    return issue(invoice, key, only_tax=True, taxes=taxes or None, **wanted)


def figures(note: CreditNote) -> tuple[int, int, int]:
    return note.net_minor, note.tax_minor, note.total_minor


def item_figures(note: CreditNote) -> list[tuple[int, int]]:
    return [(item["amount_minor"], item["tax_minor"]) for item in note.items]


@pytest.mark.parametrize(
    ("currency", "amounts", "rate", "tax", "by_line"),
    [
        # 1000 and 505 yen at 10 %: 150.5, so 151; of it 100.33 and 50.67
        ("JPY", ("1000", "505"), "10", 151, [(0, 100), (0, 51)]),
        # 10.00 and 5.05 euro at 19 %: 2.8595, so 2.86; of it 1.9003 and 0.9597
        ("EUR", ("10", "5.05"), "19", 286, [(0, 190), (0, 96)]),
        # 1.234 and 0.500 dinar at 5 %: 0.0867, so 0.087; of it 0.0619 and 0.0251
        ("KWD", ("1.234", "0.5"), "5", 87, [(0, 62), (0, 25)]),
    ],
)
def test_all_the_tax_then_the_lines_without_it(
    organization: Organization,
    currency: str,
    amounts: tuple[str, ...],
    rate: str,
    tax: int,
    by_line: list[tuple[int, int]],
) -> None:
    invoice = invoiced(organization, *amounts, rates=(rate,), currency=currency)
    note = only(invoice)
    assert figures(note) == (0, tax, tax) and note.balance_minor == tax and note.only_tax
    assert item_figures(note) == by_line
    [row] = note.taxes
    assert (row["name"], row["rate"], row["base_minor"], row["amount_minor"]) == ("VAT", rate, 0, tax)
    with pytest.raises(Conflict) as refused:
        only(invoice, key="two")
    assert refused.value.code == "no_tax_left"
    rest = issue(invoice, "three", everything=True)
    assert figures(rest) == (invoice.lines_minor, 0, invoice.lines_minor)
    assert note.total_minor + rest.total_minor == invoice.total_minor


def test_amounts_of_two_taxes(organization: Organization) -> None:
    """100.00 and 50.00 at 20 % and 5 %: 30.00 and 7.50. Taxes stand in the order of their names: Levy, VAT."""
    invoice = invoiced(organization, "100", "50", rates=("20", "5"))
    first = only(invoice, 700, 0)
    assert figures(first) == (0, 700, 700)
    assert [(row["name"], row["amount_minor"]) for row in first.taxes if row["amount_minor"]] == [
        ("Levy", 700)
    ]
    assert item_figures(first) == [(0, 467), (0, 233)]
    work = InvoiceLine.objects.get(invoice=invoice, description="Item 1")
    # 100.00: 20.00 of one tax; of the other 5.00, but 0.50 are left
    part = issue(invoice, "two", items={str(work.pk): 10000})
    assert {row["name"]: row["amount_minor"] for row in part.taxes} == {"Levy": 50, "VAT": 2000}
    with pytest.raises(FieldErrors) as refused:
        only(invoice, 1, 0, key="three")
    assert refused.value.errors[0][1] == "Nothing is left of this tax."
    with pytest.raises(FieldErrors):
        only(invoice, 0, 1001, key="three")
    rest = issue(invoice, "four", everything=True)
    assert {row["name"]: row["amount_minor"] for row in rest.taxes} == {"Levy": 0, "VAT": 1000}
    assert first.total_minor + part.total_minor + rest.total_minor == invoice.total_minor == 18750


def test_a_voided_note_gives_the_tax_back(organization: Organization) -> None:
    invoice = invoiced(organization, "100")
    void_credit_note(only(invoice), by=ACTOR, at=NOW)
    assert figures(only(invoice, key="two")) == (0, 1900, 1900)


def test_money_goes_back_with_the_tax(organization: Organization) -> None:
    invoice = invoiced(organization, "100")
    record_payment(invoice, key="p", by=ACTOR, at=NOW)
    with pytest.raises(BillingError):
        only(invoice, 1900, refund_minor=1901)
    note = only(invoice, 1900, refund_minor=1900)
    assert (note.refund_minor, note.balance_minor, Refund.objects.get().amount_minor) == (1900, 0, 1900)


def test_days_that_are_not_used_are_given_back_without_the_tax_that_is_gone(
    organization: Organization,
) -> None:
    """16 of 31 days of 31.00 are 16.00. The tax of 6.20 was credited: of 37.20 paid, 16.00 go back, not 19.20."""
    default_tax(organization, "20")
    plan = make_plan(organization, 3100, pay_in_advance=True)
    row = subscribe(billed_customer(organization), plan, on(2026, 10, 1))
    invoice = Invoice.objects.get()
    record_payment(invoice, key="p", by=ACTOR, at=on(2026, 10, 2))
    assert only(invoice).total_minor == 620
    ending = Ending(True, OnTermination.REFUND)
    note = terminate_subscription(row, ending, by=ACTOR, at=on(2026, 10, 15, 10)).credit_note
    assert note is not None
    assert figures(note) == (1600, 0, 1600)
    assert (note.refund_minor, note.offset_minor, note.balance_minor) == (1600, 0, 0)


def test_more_tax_than_is_left_is_refused_by_the_action_itself(organization: Organization) -> None:
    invoice = invoiced(organization, "100")
    line, [tax] = InvoiceLine.objects.get(), creditable(invoice).taxes
    for taxes in ({tax.key: 1901}, {tax.key: -1}, {"unknown": 1}):
        with pytest.raises(Conflict) as refused:
            create_credit_note(invoice, [CreditItem(line, "x", 100)], taxes, key="k", by=ACTOR, at=NOW)
        assert refused.value.code == "tax_already_credited"
    with pytest.raises(BillingError):
        create_credit_note(invoice, [CreditItem(line, "x", 0)], {}, key="k", by=ACTOR, at=NOW)
    assert not CreditNote.objects.exists()


def printed(note: CreditNote) -> str:
    return " ".join(pdf_text(render_pdf(credit_note_document(note))).split())


def test_its_document(organization: Organization) -> None:
    words = printed(only(invoiced(organization, "100", "50", locale="en")))
    assert "Item 1 €0.00 €19.00" in words and "Item 2 €0.00 €9.50" in words
    assert "VAT 19 % €28.50" in words and "Only the tax of the invoice is credited." in words
    assert "on €0.00" not in words
    german = printed(only(invoiced(make_organization("Other"), "100", locale="de"), key="de"))
    assert "allein die Steuer" in german


def test_a_consumers_document_has_the_tax_inside(organization: Organization) -> None:
    invoice = invoiced(organization, "100", customer_type="consumer")
    words = printed(only(invoice))
    assert "Item 1 €19.00" in words and "€0.00" not in words and "including VAT 19 % €19.00" in words
    change_type(invoice.customer, "business", reason="x", by=ACTOR, at=NOW)
    assert printed(CreditNote.objects.get()) == words


@pytest.mark.parametrize("seed", range(4))
def test_any_notes_in_any_order_take_no_more_than_the_invoice_has(
    organization: Organization, seed: int
) -> None:
    """Through the real rows: lines, amounts, taxes and voids at random, then everything that is left."""
    random = Random(seed)
    invoice = invoiced(organization, "33.33", "0.07", "12.5", rates=("19", "5.5"))
    lines = [str(key) for key in InvoiceLine.objects.values_list("pk", flat=True)]
    keys = [tax.key for tax in creditable(invoice).taxes]
    for step in range(12):
        minor = random.randint(1, 900)
        wanted: dict[str, Any] = random.choice(
            [
                {"items": {random.choice(lines): minor}},
                {"total_minor": minor},
                {"only_tax": True, "taxes": {random.choice(keys): random.randint(1, 200)}},
            ]
        )
        try:
            note = issue(invoice, f"step {step}", **wanted)
            if random.random() < 0.2:
                void_credit_note(note, by=ACTOR, at=NOW)
        except BillingError:
            pass
        check_sums(invoice)
    if sum(creditable(invoice).left.values()):
        issue(invoice, "rest", everything=True)
    rest = creditable(invoice)
    assert (sum(rest.left.values()), rest.tax_left_minor) == (0, 0)
    notes = CreditNote.objects.exclude(status="voided")
    assert sum(note.total_minor for note in notes) == invoice.total_minor
    assert check_sums(invoice) > 1


def check_sums(invoice: Invoice) -> int:
    """Each note adds up, and together they take no more than the invoice has, of any tax. How many there are."""
    notes = list(CreditNote.objects.exclude(status="voided"))
    for note in notes:
        assert sum(item["amount_minor"] for item in note.items) == note.net_minor
        assert sum(item["tax_minor"] for item in note.items) == note.tax_minor
        assert sum(row["amount_minor"] for row in note.taxes) == note.tax_minor
    assert sum(note.net_minor for note in notes) <= invoice.lines_minor
    for tax in invoice.tax_rows.all():
        credited = [row["amount_minor"] for note in notes for row in note.taxes if row["code"] == tax.code]
        assert sum(credited) <= tax.amount_minor
    return len(notes)
