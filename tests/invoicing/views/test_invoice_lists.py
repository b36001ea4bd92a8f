"""The lists of invoices and credit notes: every filter, columns, saved views, files."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.test import Client

from billing.models import AuditEntry, Member, Organization, SavedView
from customers.actions.tag_list import create_tag
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.disputes import dispute_invoice
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice
from tests.factories.customers import make_customer
from tests.factories.invoicing import default_tax, on
from tests.factories.people import ACTOR, NOW, make_key, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def member(organization: Organization) -> Member:
    return make_member(organization)


@pytest.fixture
def staff(client: Client, member: Member) -> Client:
    return sign_in(client, member)


@pytest.fixture
def five(organization: Organization) -> dict[str, Invoice]:
    """A draft, one paid in part, a paid one in yen, a disputed one, a voided one."""
    create_tag(organization, "VIP", color="teal", by=ACTOR, at=NOW)
    tagged = make_customer(organization, name="Globex", tags=["VIP"], net_payment_term_days=0)
    other = make_customer(organization, name="Initech", currency="JPY")

    def made(customer: Any, amount: str, **fields: Any) -> Invoice:
        items = [Item("Work", Decimal(amount))]
        return create_one_off(customer, items, by=ACTOR, at=NOW, **({"finalize": True} | fields))

    found = {
        "draft": made(tagged, "10", finalize=False, purchase_order="PO-77"),
        "part": made(tagged, "200", metadata={"deal": "D1", "seats": 5}),
        "yen": made(other, "5000"),
        "disputed": made(tagged, "300"),
        "voided": made(tagged, "400"),
    }
    record_payment(found["part"], amount_minor=500, key="part", by=ACTOR, at=NOW)
    record_payment(found["yen"], key="yen", by=ACTOR, at=on(2026, 4, 2))
    dispute_invoice(found["disputed"], reason="Too much", by=ACTOR, at=NOW)
    void_invoice(found["voided"], by=ACTOR, at=NOW)
    return found


def found_by(staff: Client, five: dict[str, Invoice], query: str) -> set[str]:
    answer = staff.get(f"/invoices?{query}")
    assert answer.status_code == 200, query
    names = {row.pk: name for name, row in five.items()}
    return {names[row["invoice"].pk] for row in answer.context["rows"]}


def text(answer: Any) -> str:
    return str((answer.getvalue() if answer.streaming else answer.content).decode())


def lines_of(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text(answer))))


def test_every_filter(staff: Client, organization: Organization, five: dict[str, Invoice]) -> None:
    tag = staff.get("/invoices").context["filters"].fields["tag"].choices[1][0]
    euro = {"draft", "part", "disputed", "voided"}
    for query, found in {
        "status=draft": {"draft"},
        "status=voided": {"voided"},
        "payment=partially_paid": {"part"},
        "payment=paid": {"yen"},
        "payment=unpaid": {"disputed"},
        "overdue=yes": {"part"},
        "overdue=no": {"draft", "yen", "disputed", "voided"},
        "disputed=yes": {"disputed"},
        "amount_min=200&amount_max=300": {"part", "disputed"},
        "amount_min=5000": {"yen"},
        "amount_max=10.009": {"draft"},
        f"number={five['yen'].number}": {"yen"},
        "po=po-7": {"draft"},
        "metadata=deal": {"part"},
        "metadata=deal%3DD1": {"part"},
        "metadata=seats%3D5": {"part"},
        "metadata=seats%3D6": set(),
        "metadata=seats%3D1e999": set(),
        f"tag={tag}": euro,
        f"tag={tag}&payment=unpaid": {"disputed"},
        "paid_from=2026-04-02&paid_to=2026-04-02": {"yen"},
        "paid_to=2026-04-01": set(),
        "currency=JPY": {"yen"},
        "status=nonsense&payment=x&amount_min=many": set(five),
    }.items():
        assert found_by(staff, five, query) == found, query
    page = staff.get(f"/invoices?amount_min=1000&tag={tag}&overdue=yes")
    assert {(chip["label"], chip["value"]) for chip in page.context["chips"]} == {
        ("Amount from", "1,000"),
        ("Customer tag", "VIP"),
        ("Overdue", "Yes"),
    }
    assert "Enter a number" in text(staff.get("/invoices?amount_min=many"))
    (total,) = staff.get("/invoices?currency=EUR&amount_min=100").context["sums"]
    assert (total.currency, total.count, total.total_minor) == ("EUR", 2, 50000), "without the voided one"


def test_the_api_narrows_alike(organization: Organization, five: dict[str, Invoice]) -> None:
    api = Client(headers={"authorization": f"Bearer {make_key(organization)}"})
    names = {row.public_id: name for name, row in five.items()}
    for query, found in {
        "paymentStatus=partially_paid": ["part"],
        "overdue=true": ["part"],
        "disputed=true": ["disputed"],
        "amountMin=200&amountMax=300&sortBy=total&sortOrder=asc": ["part", "disputed"],
        "amountMin=200&currency=eur&sort_by=total": ["voided", "disputed", "part"],
        "search=initech": ["yen"],
        "purchaseOrder=PO-77": ["draft"],
        "metadata=seats%3D5": ["part"],
        "issuingDateFrom=2026-03-16": [],
        "paidFrom=2026-04-02&paidTo=9999-12-31": ["yen"],
        "billingEntityId=ent_00000000000000000000000000000000": [],
    }.items():
        answer = api.get(f"/api/invoices?{query}")
        assert answer.status_code == 200, query
        assert [names[row["id"]] for row in answer.json()["data"]] == found, query
    organization.timezone = "Pacific/Auckland"  # it is the next day there
    organization.save()
    Invoice.objects.filter(pk=five["yen"].pk).update(paid_at=datetime(2026, 4, 2, 20, tzinfo=UTC))
    for day, paid in (("2026-04-02", []), ("2026-04-03", ["yen"])):
        rows = api.get(f"/api/invoices?paidFrom={day}&paidTo={day}").json()["data"]
        assert [names[row["id"]] for row in rows] == paid, day
    for wrong in ("sortBy=colour", "sortOrder=up", "amountMin=many", "issuingDateFrom=yesterday"):
        assert api.get(f"/api/invoices?{wrong}").status_code == 400, wrong


def test_columns_and_views_are_kept(staff: Client, member: Member, five: dict[str, Invoice]) -> None:
    keys = [column.key for column in staff.get("/invoices").context["columns"]]
    assert keys == ["customer", "issued", "due", "amount", "amount_due"]
    chosen = {"columns": ["paid", "entity", "payment", "po", "period", "net", "tax"], "back": "tab=draft"}
    answer = staff.post("/lists/invoices/columns", chosen)
    assert answer["Location"] == "/invoices?tab=draft&page=1"
    member.refresh_from_db()
    assert set(member.preferences["columns"]["invoices"]) == set(chosen["columns"])
    page = staff.get("/invoices")
    assert [column.key for column in page.context["columns"]][:2] == ["entity", "period"]
    assert "PO-77" in text(page)
    data = {"name": "Late euros", "query": "tab=overdue&currency=EUR&page=3", "columns": "amount"}
    answer = staff.post("/lists/invoices/views/add", data)
    view = SavedView.objects.get()
    assert (view.noun, view.query, view.columns) == ("invoices", "currency=EUR&tab=overdue", ["amount"])
    page = staff.get(answer["Location"])
    assert [row["invoice"] for row in page.context["rows"]] == [five["part"]]
    assert not page.context["view_changed"]
    assert staff.get(f"/customers?view={view.public_id}").status_code == 404, "of another list"
    support = sign_in(Client(), make_member(member.organization, "support"))
    assert support.get(f"/invoices?view={view.public_id}").status_code == 404
    staff.post(f"/lists/views/{view.public_id}/edit", {"name": "Late", "shared": "on"})
    assert support.get(f"/invoices?view={view.public_id}").status_code == 200
    assert support.post(f"/lists/views/{view.public_id}/update", {"query": ""}).status_code == 403
    assert staff.get("/lists/nonsense/columns").status_code == 404
    assert staff.post("/lists/credit-notes/columns", {"columns": ["used"]}).status_code == 302
    assert [column.key for column in staff.get("/credit-notes").context["columns"]] == ["used"]


def test_rows_have_forms_of_their_own_beside_that_of_the_selection(
    staff: Client, five: dict[str, Invoice]
) -> None:
    """A form inside a form would be dropped by browsers, and its button would send the outer one."""
    Invoice.objects.filter(pk=five["draft"].pk).update(
        type="subscription"
    )  # its menu has a button that posts
    page = text(staff.get("/invoices"))
    depths, depth = [], 0
    for tag in re.findall(r"</?form\b", page):
        depth += 1 if tag == "<form" else -1
        depths.append(depth)
    assert "/refresh" in page and max(depths) == 1 and depth == 0
    assert page.count('form="invoice-selection"') == len(five)


def test_invoices_leave_as_a_file(staff: Client, organization: Organization) -> None:
    default_tax(organization)
    tricky = make_customer(organization, name="=cmd()", external_id="+1")
    invoice = create_one_off(
        tricky,
        [Item("@Work", Decimal("12.345"), Decimal(2)), Item("More", Decimal(1))],
        finalize=True,
        purchase_order="-1",
        by=ACTOR,
        at=NOW,
    )
    make_customer(make_organization("Else"), name="Theirs")
    create_one_off(tricky, [Item("Draft", Decimal(1))], by=ACTOR, at=NOW)
    assert "Lines of invoices" in text(staff.get("/invoices/export?tab=paid"))
    answer = staff.get("/invoices/export?of=invoices&tab=outstanding&currency=EUR")
    assert answer["Content-Disposition"].startswith('attachment; filename="invoices-20')
    (row,) = lines_of(answer)
    assert (row["number"], row["customer_name"], row["customer_external_id"], row["purchase_order"]) == (
        invoice.number,
        "'=cmd()",
        "'+1",
        "'-1",
    )
    assert (row["currency"], row["before_tax"], row["taxes"], row["total"]) == (
        "EUR",
        "25.69",
        "5.14",
        "30.83",
    )
    assert (row["amount_due"], row["overdue"], row["issuing_date"]) == ("30.83", "yes", "2026-03-15")
    entry = AuditEntry.objects.get(action="invoices.exported")
    assert entry.changes["filters"][1] == "currency=EUR&tab=outstanding"
    lines = lines_of(staff.get("/invoices/export", {"of": "lines", "id": invoice.public_id, "bom": "1"}))
    assert [(line["description"], line["units"], line["amount"], line["tax"]) for line in lines] == [
        ("'@Work", "2", "24.69", "4.94"),
        ("More", "1", "1.00", "0.20"),
    ]
    every = lines_of(staff.get("/invoices/export", {"of": "lines", "all": "1", "query": "sort=amount"}))
    assert [line["description"] for line in every] == ["Draft", "'@Work", "More"]


def test_credit_notes_are_narrowed_and_leave_as_a_file(staff: Client, organization: Organization) -> None:
    customer = make_customer(organization, name="Globex")
    invoice = create_one_off(customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=NOW)
    record_payment(invoice, key="all", by=ACTOR, at=NOW)
    line = invoice.lines.get()
    items = [CreditItem(line, "Work", 4000)]
    note = create_credit_note(invoice, items, 0, reason="order_change", key="n", by=ACTOR, at=NOW)
    for query, number in {
        "kind=credit": 1,
        "kind=refund": 0,
        "reason=order_change": 1,
        "reason=other": 0,
        "amount_min=40&amount_max=40": 1,
        "amount_min=40.01": 0,
        f"invoice={invoice.number}": 1,
        f"number={note.number}": 1,
        "issued_to=2026-03-14": 0,
        "state=available": 1,
    }.items():
        assert len(staff.get(f"/credit-notes?{query}").context["rows"]) == number, query
    (row,) = lines_of(staff.get("/credit-notes/export?of=credit-notes&kind=credit"))
    assert (row["number"], row["total"], row["available"], row["reason"]) == (
        note.number,
        "40.00",
        "40.00",
        "order_change",
    )
    (item,) = lines_of(staff.get("/credit-notes/export?of=items"))
    assert (item["description"], item["before_tax"], item["line_id"]) == ("Work", "40.00", line.public_id)
    assert text(staff.get("/credit-notes/export?of=items&kind=refund")).count("\n") == 1
