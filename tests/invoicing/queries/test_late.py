"""Events that came after their invoice was final: which are noted, and what they would have cost."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing.actions.late_usage import leave_unbilled
from billing.actions.usage import ingest
from billing.models import AuditEntry, Event, LateEvent, Subscription
from invoicing.actions.billing_run import run
from invoicing.actions.finalize import finalize_invoice
from invoicing.models import Invoice, InvoicedPeriod
from invoicing.queries.late import late_usage
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_key, make_organization
from tests.factories.usage import event

pytestmark = pytest.mark.django_db
GRADUATED = {
    "graduatedRanges": [
        {"fromValue": 0, "toValue": 10, "perUnitAmount": "1", "flatAmount": "0"},
        {"fromValue": 11, "toValue": None, "perUnitAmount": "0.50", "flatAmount": "2"},
    ]
}


class Case:
    """Calls at 1.00 up to ten, then 0.50 and 2.00 once; a minimum of 20.00 for seats at 5.00; storage in advance;
    views that nothing prices. From 1 January, monthly.
    """

    def __init__(self, **customer: Any) -> None:
        self.organization = make_organization()
        names = ("calls", "seats", "storage", "views")
        self.metrics = {name: make_metric(self.organization, name, "sum") for name in names}
        terms = [
            charge(self.metrics["calls"], "graduated", GRADUATED),
            charge(self.metrics["seats"], properties={"amount": "5"}, min_amount_minor=2000),
            charge(self.metrics["storage"], properties={"amount": "1"}, pay_in_advance=True),
        ]
        plan = make_plan(self.organization, 0, *terms)
        self.row: Subscription = subscribe(
            billed_customer(self.organization, **customer), plan, on(2026, 1, 1), external_id="s"
        )

    def send(self, name: str, value: int, stamp: datetime, at: datetime, id: str = "") -> str:
        """What becomes of an event that comes at a moment."""
        [result] = ingest(self.organization, [event("s", self.metrics[name], value, at=stamp, id=id)], at=at)
        return result.status

    def late(self) -> list[str]:
        """The transaction ids that are noted."""
        keys = LateEvent.objects.values("event_id")
        return sorted(Event.objects.filter(pk__in=keys).values_list("transaction_id", flat=True))

    def period(self) -> InvoicedPeriod:
        """January."""
        found: InvoicedPeriod = InvoicedPeriod.objects.get(kind="usage", start=on(2026, 1, 1))
        return found


def test_what_comes_after_the_invoice_is_noted_priced_anew_and_on_no_bill() -> None:
    """8 calls are billed with 8.00 and one seat with 5.00 and 15.00 to its minimum. Then 4 calls (12 make 10.00, 2.00
    and 1.00: 5.00 more) and 4 seats (25.00 in place of 20.00) come: 10.00 in all.
    """
    case = Case()
    january, february = on(2026, 1, 20), on(2026, 2, 5)
    case.send("calls", 8, january, january)
    case.send("seats", 1, january, january)
    run(on(2026, 2, 1))
    for name, value, stamp, id in (
        ("calls", 4, january, "late-1"),
        ("calls", 4, january, "late-1"),  # sent again
        ("seats", 4, on(2026, 1, 31, 23), "late-2"),
        ("storage", 1, january, "in-advance"),
        ("views", 1, january, "not-priced"),
        ("calls", 3, on(2026, 2, 1), "in-time"),
    ):
        case.send(name, value, stamp, february, id)
    assert case.late() == ["late-1", "late-2"]
    found = late_usage(case.period())
    assert found is not None and (found.events, found.minor) == (2, 1000)
    rows = {row.charge.metric.code: row for row in found.charges if row.charge}
    assert {code: (row.events, row.units, row.minor) for code, row in rows.items()} == {
        "calls": (1, Decimal(4), 500),
        "seats": (1, Decimal(4), 500),
    }
    run(on(2026, 3, 1))
    closed = Invoice.objects.filter(type="subscription").order_by("period_start")
    assert list(closed.values_list("total_minor", flat=True)) == [2800, 2300]

    told = {"by": ACTOR, "at": february}
    api = Client(headers={"authorization": f"Bearer {make_key(case.organization)}"})

    def listed(late: str) -> list[str]:
        answer = api.get(f"/api/events?late={late}").json()
        assert answer["meta"]["total"] == len(answer["data"])
        return sorted(row["transactionId"] for row in answer["data"] if row["late"] or not late)

    assert listed("open") == listed("all") == ["late-1", "late-2"] and len(listed("")) == 7
    assert api.get("/api/events?late=yes").status_code == 400
    assert leave_unbilled(case.row, case.period().start, case.period().end, **told) == 2
    assert leave_unbilled(case.row, case.period().start, case.period().end, **told) == 0
    assert AuditEntry.objects.filter(action="subscription.late_usage_left").count() == 1
    assert not LateEvent.objects.filter(settled_at=None).exists()
    assert listed("open") == [] and listed("all") == ["late-1", "late-2"]


def test_a_draft_still_counts_them_also_when_a_later_one_is_final_before_it() -> None:
    case = Case(grace_period_days=40)
    case.send("calls", 1, on(2026, 1, 20), on(2026, 1, 20))
    case.send("calls", 1, on(2026, 2, 20), on(2026, 2, 20))
    run(on(2026, 2, 1))
    run(on(2026, 3, 1))
    first, second = Invoice.objects.order_by("period_start")
    assert late_usage(case.period()) is None
    finalize_invoice(second, by=ACTOR, at=on(2026, 3, 2))
    case.send("calls", 2, on(2026, 1, 21), on(2026, 3, 3), "counted")
    assert case.late() == []
    finalize_invoice(first, by=ACTOR, at=on(2026, 3, 4))
    assert late_usage(case.period()).minor == 0  # type: ignore[union-attr]
    case.send("calls", 2, on(2026, 1, 21), on(2026, 3, 5), "late-1")
    case.send("calls", 2, on(2026, 2, 21), on(2026, 3, 5), "late-2")
    case.send("calls", 2, on(2026, 3, 1), on(2026, 3, 5), "in-time")
    assert case.late() == ["late-1", "late-2"]
