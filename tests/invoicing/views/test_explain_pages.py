"""Explain this amount: what stands in the drawers, which events are behind a line, who may see them."""

from __future__ import annotations

import csv
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from billing.actions.charge_terms import ChargeTerms, FilterTerms
from billing.actions.usage import ingest
from billing.models import Organization, Subscription
from billing.orm.actor import Actor
from billing.web.formats import money_text
from invoicing.actions.billing_run import run
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.line_edits import add_item, correct_line
from invoicing.actions.one_off import Item
from invoicing.actions.regenerate import Remade, regenerate_invoice
from invoicing.actions.termination import terminate_subscription
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice, InvoiceLine
from invoicing.queries.counted import Source, counted_events, query_of, source_of
from invoicing.rules.adjusting import Correction
from invoicing.rules.termination import Ending
from tests.factories.catalog import GRADUATED, charge, make_metric
from tests.factories.customers import make_customer
from tests.factories.invoicing import default_tax, give_coupon, make_plan, make_wallet, on, subscribe
from tests.factories.people import ACTOR, make_member, make_organization, sign_in
from tests.factories.usage import event

pytestmark = pytest.mark.django_db
FILTERED = [{"key": "region", "values": ["eu", "us"]}]


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


def bill(organization: Organization, *, grace: int = 0, **fields: Any) -> Invoice:
    """January of a fee of 30 and 1,200 graduated units in 60 events of 20, 20 % tax."""
    default_tax(organization)
    metric = make_metric(organization, code="calls", aggregation="sum", name="API calls")
    plan = make_plan(organization, 3000, charge(metric, "graduated", GRADUATED))
    customer = make_customer(organization, name="Globex", currency="EUR", grace_period_days=grace, **fields)
    subscription = subscribe(customer, plan, on(2026, 1, 1), external_id="s")
    rows = [
        event(subscription, metric, 20, at=on(2026, 1, 10) + timedelta(minutes=at), id=f"e{at:02}")
        for at in range(60)
    ]
    rows.append(event(subscription, metric, 7, at=on(2026, 2, 1), id="february"))
    rows.append(event(subscription, metric, 7, at=on(2025, 12, 31), id="before"))
    ingest(organization, rows, at=on(2026, 2, 1))
    run(on(2026, 2, 1))
    return Invoice.objects.get(customer=customer)


def usage_line(invoice: Invoice) -> InvoiceLine:
    return invoice.lines.get(kind="charge")


def get(client: Client, name: str, *args: Any, **query: str) -> Any:
    return client.get(reverse(name, args=args), query)


def text_of(response: Any) -> str:
    return response.content.decode()


def ids(client: Client, line: InvoiceLine, **query: str) -> list[str]:
    """The transaction ids of all pages."""
    found: list[str] = []
    for _ in range(9):
        page = get(client, "invoice-line-events", line.invoice, line, **query)
        found += [row.transaction_id for row in page.context["rows"]]
        if not page.context["next"]:
            return found
        query["after"] = page.context["next"]
    raise AssertionError("The pages do not end.")


def test_a_line_says_where_it_comes_from(
    staff: Client, organization: Organization, django_assert_max_num_queries: Any
) -> None:
    invoice = bill(organization)
    line = usage_line(invoice)
    with django_assert_max_num_queries(16):
        page = get(staff, "line-explain", invoice, line)
    facts = dict(page.context["facts"])
    assert facts["Measured"].endswith("over all events.")
    assert facts["Events counted"].startswith("60.")
    assert "1 Jan 2026, 00:00" in facts["Period"]
    assert "1 Feb 2026, 00:00" in facts["Period"]
    assert "version 1" in facts["Prices"]
    assert len(page.context["events"]) == 10
    assert page.context["events"][0].transaction_id == "e59"
    assert "frozen since the invoice was finalized" in text_of(page)
    drawer = staff.get(
        reverse("line-explain", args=[invoice, line]),
        headers={"HX-Request": "true", "HX-Target": "drawer"},
    )
    assert "<html" not in text_of(drawer)
    assert "Explain in full" in text_of(get(staff, "invoice", invoice))


def test_exactly_the_counted_events_are_listed_page_by_page_and_in_the_file(
    staff: Client, organization: Organization
) -> None:
    """60 of January; neither December's nor February's, and what came too late stands apart."""
    invoice = bill(organization)
    line = usage_line(invoice)
    metric = line.charge.metric  # type: ignore[union-attr]
    late = event("s", metric, 5, at=on(2026, 1, 10), id="=late")
    ingest(organization, [late], at=on(2026, 2, 2))
    expected = [f"e{at:02}" for at in reversed(range(60))]
    assert ids(staff, line) == expected
    assert ids(staff, line, late="1") == ["=late"]
    assert get(staff, "line-explain", invoice, line).context["late"] == 1
    answer = get(staff, "invoice-line-csv", invoice, line)
    rows = list(csv.DictReader(StringIO(b"".join(answer.streaming_content).decode())))
    assert [row["transaction_id"] for row in rows] == expected
    assert {row["value"] for row in rows} == {"20"}
    answer = get(staff, "invoice-line-csv", invoice, line, late="1")
    assert "'=late" in b"".join(answer.streaming_content).decode()


def plan_of(source: Source) -> str:
    """How a page of a line's events is found, where sorting all of them is the last resort."""
    text, values = query_of(source)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN {text} LIMIT 50", values)
        found = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("SET LOCAL enable_sort = on")
    return found


def test_each_part_of_a_charge_has_its_own_events(organization: Organization) -> None:
    """A filter for eu and groups by user: every event is behind one line, and the numbers are the lines'."""
    metric = make_metric(organization, "calls", "sum", filters=FILTERED, name="Calls")
    price = {"amount": "1"}
    terms = ChargeTerms(
        metric, "standard", price, filters=[FilterTerms({"region": ["eu"]}, price)], group_keys=["user"]
    )
    customer = make_customer(organization, currency="EUR", grace_period_days=0)
    row: Subscription = subscribe(customer, make_plan(organization, 0, terms), on(2026, 1, 1))
    sent = [
        event(
            row,
            metric,
            1,
            at=on(2026, 1, 1 + at % 28) + timedelta(minutes=at),
            id=f"{region}-{user}-{at}",
            region=region,
            **({"user": user} if user else {}),
        )
        for at, (region, user) in enumerate(
            [(region, user) for region in ("eu", "us", "asia") for user in ("ann", "bo", "")] * 6
        )
    ]
    ingest(organization, sent, at=on(2026, 1, 30))
    run(on(2026, 2, 1))
    seen: list[str] = []
    for line in InvoiceLine.objects.filter(kind="charge"):
        source = source_of(line)
        assert source
        rows = counted_events(source, limit=100)
        assert len(rows) == line.events_count
        assert "Incremental Sort" in plan_of(source)  # hour by hour: a page of a busy part stops early
        half = counted_events(source, limit=4)
        rest = counted_events(source, before=(half[-1].timestamp, half[-1].id), limit=100)
        assert [one.id for one in (*half, *rest)] == [one.id for one in rows]
        assert [one.timestamp for one in rows] == sorted((one.timestamp for one in rows), reverse=True)
        seen += [one.transaction_id for one in rows]
        metric.rolled, source.charge.metric.rolled = False, False
        assert [one.id for one in counted_events(source_of(line, source.charge), limit=100)] == [  # type: ignore[arg-type]
            one.id for one in rows
        ]
    assert len(seen) == len(set(seen)) == 54


def test_totals_are_explained_in_the_order_in_which_they_are_computed(
    staff: Client, organization: Organization, django_assert_max_num_queries: Any
) -> None:
    """Lines, coupon, tax, prepaid credits, total; each rung leaves what the next begins with."""
    invoice = bill(organization, grace=3)
    give_coupon(invoice.customer, on(2026, 2, 1), amount_minor=1000)
    make_wallet(invoice.customer, "5", on(2026, 2, 1))
    invoice = finalize_invoice(invoice, by=ACTOR, at=on(2026, 2, 3))
    with django_assert_max_num_queries(12):
        page = get(staff, "invoice-explain", invoice)
    rungs = page.context["rungs"]
    kinds = [item["label"].split(":")[0].split(" ")[0] for item in rungs]
    assert kinds[0] == "All"
    assert kinds[-1] == "Total"
    assert "Coupon" in kinds
    for item in rungs:
        page = get(staff, "invoice-explain", invoice, of=item["key"])
        assert page.status_code == 200
        assert page.context["rung"].label == item["label"]
    tax = invoice.tax_rows.get()
    page = get(staff, "invoice-explain", invoice, of=tax.public_id)
    assert "20 %" in page.context["words"]["formula"]
    assert sum(rung.minor for rung in [page.context["rung"]]) == invoice.taxes_minor
    assert get(staff, "invoice-explain", invoice, of="itx_" + "0" * 32).status_code == 404
    assert get(staff, "invoice-explain", invoice, of="<script>").status_code == 404


def test_a_draft_says_that_nothing_is_frozen(staff: Client, organization: Organization) -> None:
    invoice = bill(organization, grace=3)
    assert invoice.status == "draft"
    assert "Not frozen yet" in text_of(get(staff, "line-explain", invoice, usage_line(invoice)))
    assert "Not frozen yet" in text_of(get(staff, "invoice-explain", invoice))
    fee = invoice.lines.get(kind="subscription")
    page = get(staff, "line-explain", invoice, fee)
    assert page.context["source"] is None
    assert "version 1" in dict(page.context["facts"])["Prices"]
    assert get(staff, "invoice-line-events", invoice, fee).status_code == 200


ADA = Actor.system("Ada")


@pytest.mark.parametrize(
    ("wanted", "says", "prices"),
    [
        (Correction(Decimal(100)), "100 units instead of 1,200, by Ada, 2 Feb 2026, 00:00.", "Plan"),
        (
            Correction(Decimal(3), Decimal(2)),
            "3 units instead of 1,200, €2.00 a unit instead of ",
            "Typed by",
        ),
        (Correction(name="Calls"), "Called “Calls” instead of “API calls”, by Ada, ", "Plan"),
    ],
)
def test_a_line_that_was_changed_says_how_by_whom_and_from_what(
    staff: Client, organization: Organization, wanted: Correction, says: str, prices: str
) -> None:
    invoice = bill(organization, grace=3)
    was = money_text(usage_line(invoice).amount_minor, "EUR")
    correct_line(invoice, usage_line(invoice).pk, wanted, by=ADA, at=on(2026, 2, 2))
    page = get(staff, "line-explain", invoice, usage_line(invoice))
    facts = dict(page.context["facts"])
    assert facts["Changed by hand"].startswith(says)
    assert facts["Without that"] == f"1,200 units, {was} without tax."
    assert facts["Prices"].startswith(prices)
    assert ("those were typed" in facts["Events counted"]) == (wanted.units is not None)
    formula = page.context["explain"]["formula"]
    assert formula.startswith("Units typed by hand. Graduated: ") == (prices == "Plan" and bool(wanted.units))


def test_who_added_or_remade_a_line_is_named_where_it_is_known(
    staff: Client, organization: Organization
) -> None:
    invoice = bill(organization, grace=3)
    fee = invoice.lines.get(kind="subscription")
    add_item(invoice, Item("Work", Decimal(5)), by=ADA, at=on(2026, 2, 2))
    work = invoice.lines.get(description="Work")
    page = get(staff, "line-explain", invoice, work)
    assert dict(page.context["facts"])["Added by hand"].startswith("By Ada, 2 Feb 2026")
    assert page.context["explain"]["formula"] == "Added by hand: units × unit price."
    correct_line(invoice, fee.pk, Correction(name="Work"), by=ADA, at=on(2026, 2, 2))
    page = get(staff, "line-explain", invoice, work)
    assert "Ada" not in dict(page.context["facts"])["Added by hand"]
    old = void_invoice(finalize_invoice(invoice, by=ACTOR, at=on(2026, 2, 3)), by=ACTOR, at=on(2026, 2, 3))
    remade = Remade({usage_line(old).pk: Correction(Decimal(1))})
    made = regenerate_invoice(old, remade, by=ADA, at=on(2026, 2, 4))
    page = get(staff, "line-explain", made, usage_line(made))
    assert "by Ada, 4 Feb 2026" in dict(page.context["facts"])["Changed by hand"]


def test_lines_of_charges_in_advance_list_the_events_of_their_own_part(organization: Organization) -> None:
    """Two users' fees on an invoice of their own; made again, it lists the same ones."""
    metric = make_metric(organization, code="calls", aggregation="sum")
    terms = charge(metric, pay_in_advance=True, invoiceable=False, group_keys=["user"])
    customer = make_customer(organization, currency="EUR")
    row = subscribe(customer, make_plan(organization, 0, terms), on(2026, 3, 1))
    sent = [event(row, metric, 40, at=on(2026, 3, 2), id=user, user=user) for user in ("ann", "bo")]
    ingest(organization, sent, at=on(2026, 3, 2))
    terminate_subscription(row, Ending(invoice=False), by=ACTOR, at=on(2026, 3, 10))
    invoice = Invoice.objects.get(type="advance_charges")
    old = void_invoice(invoice, by=ACTOR, at=on(2026, 3, 11))
    made = regenerate_invoice(old, by=ACTOR, at=on(2026, 3, 11))
    for one in (*old.lines.all(), *made.lines.all()):
        source = source_of(one)
        assert source
        assert one.charge_group
        assert [row.transaction_id for row in counted_events(source)] == [one.charge_group["user"]]


def test_a_consumer_sees_what_a_changed_line_would_be_with_tax(
    staff: Client, organization: Organization
) -> None:
    invoice = bill(organization, grace=3, customer_type="consumer")
    correct_line(invoice, usage_line(invoice).pk, Correction(name="Calls"), by=ADA, at=on(2026, 2, 2))
    shown = text_of(get(staff, "invoice", invoice))
    assert ">Edited<" in shown
    assert "Edited, else" not in shown


def test_a_consumer_sees_the_same_amount_in_the_drawer(staff: Client, organization: Organization) -> None:
    invoice = bill(organization, customer_type="consumer")
    page = get(staff, "line-explain", invoice, usage_line(invoice))
    shown = next(
        item
        for group in get(staff, "invoice", invoice).context["groups"]
        for item in group["lines"]
        if item["line"].kind == "charge"
    )
    assert page.context["explain"]["amount"] == shown["explain"]["amount"]


@pytest.mark.parametrize("name", ["line-explain", "invoice-line-events", "invoice-line-csv"])
def test_another_organization_and_another_invoice_find_nothing(
    client: Client, organization: Organization, name: str
) -> None:
    invoice = bill(organization)
    line = usage_line(invoice)
    stranger = make_organization("other")
    sign_in(client, make_member(stranger))
    assert get(client, name, invoice, line).status_code == 404
    own = bill(stranger)
    assert get(client, name, own, line).status_code == 404


@pytest.mark.parametrize("cursor", ["x", "%00", "MjAyNi0wMS0wMXx4", "=" * 500])
def test_a_false_cursor_is_refused(staff: Client, organization: Organization, cursor: str) -> None:
    invoice = bill(organization)
    page = get(staff, "invoice-line-events", invoice, usage_line(invoice), after=cursor)
    assert page.status_code in (400, 422)


def test_support_sees_the_events_and_may_do_nothing(client: Client, organization: Organization) -> None:
    invoice = bill(organization)
    sign_in(client, make_member(organization, "support"))
    assert get(client, "line-explain", invoice, usage_line(invoice)).status_code == 200
    assert client.post(reverse("line-explain", args=[invoice, usage_line(invoice)])).status_code == 405
    assert Decimal(len(ids(client, usage_line(invoice)))) == 60
