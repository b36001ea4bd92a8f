"""The document of an invoice or credit note in its language: our own sentences too, not only the labels."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from billing.actions.wallet_opening import create_wallet
from billing.models import Organization
from customers.models import Customer
from invoicing.actions.billing_run import run
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.publish import render
from invoicing.actions.termination import terminate_subscription
from invoicing.actions.top_up import sell_credits
from invoicing.documents.data import DocumentLine, InvoiceDocument
from invoicing.models import Invoice
from invoicing.queries.document import credit_note_document, invoice_document
from invoicing.queries.parties import buyer, prints_usage, seller
from tests.factories.catalog import GRADUATED, charge, make_metric
from tests.factories.customers import make_customer
from tests.factories.documents import pdf_pages, pdf_text
from tests.factories.invoicing import billed_customer, make_plan, on, set_entity, subscribe
from tests.factories.people import ACTOR, NOW, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def usage_invoice(organization: Organization, **fields: str) -> Invoice:
    """Five of 31 days of January. Fee 62.00: 10.00. 1,200 calls in two tiers: 115.00. 25 files in packages of 10 at
    2.00: 6.00, of a minimum of 310.00: 44.00 more. Commitment 3,100.00: 500.00, so 325.00 more.
    """
    customer = billed_customer(organization, **fields)
    calls = make_metric(organization, code="calls", aggregation="sum", name="Anrufe")
    files = make_metric(organization, code="files", aggregation="sum", name="Dateien")
    packages = charge(files, "package", {"amount": "2", "packageSize": 10}, min_amount_minor=31000)
    plan = make_plan(
        organization,
        6200,
        charge(calls, "graduated", GRADUATED),
        packages,
        name="Werk",
        commitment_minor=310000,
    )
    subscription = subscribe(customer, plan, on(2026, 1, 27))
    use(subscription, calls, 1200, at=on(2026, 1, 28))
    use(subscription, files, 25, at=on(2026, 1, 28))
    run(on(2026, 2, 1))
    return Invoice.objects.get(customer=customer)


def lines(document: InvoiceDocument) -> list[DocumentLine]:
    return [line for group in document.groups for line in group.lines]


def test_every_line_and_step_is_in_the_documents_language(organization: Organization) -> None:
    document = invoice_document(usage_invoice(organization, locale="de"))
    assert [
        (line.description, line.amount_minor, [step.label for step in line.steps]) for line in lines(document)
    ] == [
        ("Werk, Monatsgebühr", 1000, ["5 von 31 Tagen"]),
        ("Anrufe", 11500, ["Bis 1.000 Einheiten", "Über 1.000 Einheiten"]),
        ("Dateien", 600, ["Pakete zu 10 Einheiten"]),
        ("Dateien: Mindestumsatz", 4400, []),
        (
            "Werk, Mindestabnahme",
            32500,
            ["Mindestabnahme für 5 von 31 Tagen", "Für den Zeitraum berechnet"],
        ),
    ]
    text = " ".join(pdf_text(render(document)).split())
    assert "Über 1.000 Einheiten 200 0,05 + 5,00 15,00" in text
    assert "Pakete zu 10 Einheiten 3 2,00 6,00" in text
    for word in ("unit", "days", "fee", "Commitment", "Billed", "minimum", "Packages"):
        assert word not in text


def test_english_is_printed_as_it_was_frozen(organization: Organization) -> None:
    document = invoice_document(usage_invoice(organization))
    assert [line.description for line in lines(document)] == [
        "Werk, monthly fee",
        "Anrufe",
        "Dateien",
        "Dateien: minimum spend",
        "Werk, minimum commitment",
    ]


def test_one_step_is_printed_when_it_says_more_than_the_line(organization: Organization) -> None:
    """Units at a price need no second row; packages, rates and flat amounts do: 25 units at 0.24 is no price."""
    customer = billed_customer(organization)
    names = ("Units", "Rate", "First tier", "Flat")
    metrics = [
        make_metric(organization, code=f"m{i}", aggregation="sum", name=name) for i, name in enumerate(names)
    ]
    ranges = [{"fromValue": 0, "toValue": None, "perUnitAmount": "1", "flatAmount": "3"}]
    models = [
        ("standard", {"amount": "0.10"}),
        ("percentage", {"rate": "2.5"}),
        ("graduated", GRADUATED),
        ("graduated", {"graduatedRanges": ranges}),
    ]
    charges = [charge(metric, *model) for metric, model in zip(metrics, models, strict=True)]
    subscription = subscribe(customer, make_plan(organization, 0, *charges), on(2026, 1, 1))
    for metric in metrics:
        use(subscription, metric, 100, at=on(2026, 1, 5))
    run(on(2026, 2, 1))
    document = invoice_document(Invoice.objects.get(customer=customer))
    found = {line.description: [step.label for step in line.steps] for line in lines(document)}
    assert {name: found[name] for name in names} == {
        "Units": [],
        "Rate": ["2.5 % of the quantity"],
        "First tier": [],
        "Flat": ["All units"],
    }


def unused(customer: Customer) -> str:
    """What the credit note of a subscription that ended early says."""
    plan = make_plan(customer.organization, 3100, pay_in_advance=True, name="Pro")
    subscription = subscribe(customer, plan, on(2026, 10, 1))
    note = terminate_subscription(subscription, by=ACTOR, at=on(2026, 10, 30)).credit_note
    assert note is not None
    (line,) = lines(credit_note_document(note))
    return line.description


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en", "Pro, monthly fee: 1 unused day"),
        ("de", "Pro, Monatsgebühr: 1 ungenutzter Tag"),
        ("fr", "Pro, abonnement mensuel : 1 jour non utilisé"),
        ("es", "Pro, cuota mensual: 1 día no utilizado"),
    ],
)
def test_a_credit_note_for_unused_days_is_in_the_language(
    organization: Organization, locale: str, said: str
) -> None:
    assert unused(billed_customer(organization, locale=locale)) == said


def test_sold_credits_are_in_the_language_and_typed_lines_stay(organization: Organization) -> None:
    customer = billed_customer(organization, locale="fr")
    wallet = create_wallet(customer, name="Réserve", currency="EUR", by=ACTOR, at=NOW)
    invoice = sell_credits(wallet, Decimal(50), by=ACTOR, at=NOW)
    assert [line.description for line in lines(invoice_document(invoice))] == [
        "Crédits prépayés pour Réserve"
    ]
    typed = create_one_off(
        customer, [Item("Website, monthly fee", Decimal(5))], finalize=True, by=ACTOR, at=NOW
    )
    assert [line.description for line in lines(invoice_document(typed))] == ["Website, monthly fee"]


def test_the_usage_by_day_stands_at_the_end_where_its_issuer_wants_it(organization: Organization) -> None:
    set_entity(organization, usage_annex=True)
    customer = billed_customer(organization, timezone="Asia/Tokyo")
    calls = make_metric(organization, code="calls", aggregation="sum", name="Calls")
    seats = make_metric(organization, code="seats", aggregation="latest", name="Seats")
    plan = make_plan(organization, 0, charge(calls), charge(seats))
    subscription = subscribe(customer, plan, on(2026, 1, 1))
    for day, units in ((5, 10), (5, 15), (7, 2)):
        use(subscription, calls, units, at=on(2026, 1, day, 16))  # already the next day in Tokyo
    use(subscription, seats, 4, at=on(2026, 1, 9))
    run(on(2026, 2, 1))
    invoice = Invoice.objects.get(customer=customer)
    document = invoice_document(invoice)
    assert [(table.title, table.with_units) for table in document.usage] == [
        ("Calls", True),
        ("Seats", False),
    ]
    rows = [(row.begin, row.events, row.units) for row in document.usage[0].rows]
    assert rows == [(date(2026, 1, 6), 2, Decimal(25)), (date(2026, 1, 8), 1, Decimal(2))]
    pages = pdf_pages(render(document))
    text = " ".join(pages[-1].split())
    assert "Usage by day" in text and "6 Jan 2026 2 25" in text and "Total 3" in text
    assert render(document) == render(invoice_document(Invoice.objects.get(pk=invoice.pk)))
    # What was issued stays as it is.
    set_entity(organization, usage_annex=False)
    assert invoice_document(Invoice.objects.get(pk=invoice.pk)).usage == document.usage


@pytest.mark.parametrize(
    ("own", "issuers", "printed"),
    [(None, True, True), (None, False, False), (True, False, True), (False, True, False)],
)
def test_the_customer_says_whether_its_usage_is_printed(
    organization: Organization, own: bool | None, issuers: bool, printed: bool
) -> None:
    set_entity(organization, usage_annex=issuers)
    customer = make_customer(organization, usage_annex=own)
    assert prints_usage(seller(customer.billing_entity), buyer(customer)) is printed


def test_long_periods_are_shown_by_month(organization: Organization) -> None:
    set_entity(organization, usage_annex=True)
    customer = billed_customer(organization)
    calls = make_metric(organization, code="calls", aggregation="count", name="Calls")
    subscription = subscribe(
        customer, make_plan(organization, 0, charge(calls), interval="yearly"), on(2026, 1, 1)
    )
    for month, day in ((1, 5), (1, 6), (12, 31)):
        use(subscription, calls, 1, at=on(2026, month, day))
    run(on(2027, 1, 1))
    [table] = invoice_document(Invoice.objects.get(customer=customer)).usage
    assert table.monthly
    assert [(row.begin, row.units) for row in table.rows] == [(date(2026, 1, 1), 2), (date(2026, 12, 1), 1)]
