"""Asking many customers for what is overdue at once: one request for each customer, currency and issuer."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.actions import later
from billing.models import Job, Organization
from customers.models import Customer
from invoicing.actions import runs
from invoicing.actions.disputes import dispute_invoice
from invoicing.actions.payment_requests import request_payment
from invoicing.actions.payments import record_payment
from invoicing.models import Invoice, InvoiceRun, Mail, PaymentRequest
from invoicing.queries.runs import Forecast, forecast
from tests.factories.invoicing import on
from tests.factories.overdue import LATE, make_debtor, owe
from tests.factories.people import ACTOR, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
BY: dict[str, Any] = {"by": ACTOR, "at": LATE}
ON = LATE.date()


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def globex(organization: Organization) -> Customer:
    return make_debtor(organization)


def seen(organization: Organization, **fields: Any) -> Forecast:
    return forecast(Invoice.objects.of(organization), "request", on=ON, **fields)


def start(organization: Organization, token: str = "a", **fields: Any) -> InvoiceRun:
    rows = Invoice.objects.of(organization)
    given = {"seen": seen(organization, **fields).seen, "query": "", "token": token} | fields
    return runs.start_run(organization, rows, "request", **given, **BY)


def work(run: InvoiceRun) -> dict[str, tuple[str, str]]:
    """{invoice: (outcome, note)} after the newest job of a run."""
    job = Job.objects.filter(subject_id=run.pk).latest("created_at")
    later.run(str(job.pk), runs.carry_out)
    run.refresh_from_db()
    assert run.finished_at
    return {row.label: (row.outcome, row.note) for row in run.rows.all()}


def test_one_request_for_each_customer_and_currency(organization: Organization, globex: Customer) -> None:
    stark = make_debtor(organization, name="Stark", email="ap@stark.example")
    dollars = make_debtor(organization, name="Umbrella", email="ap@u.example", currency="USD")
    first, second = owe(globex, 100), owe(globex, 50)
    record_payment(first, amount_minor=3000, key="part", **BY)
    third, fourth = owe(stark, 20), owe(dollars, 10)
    left_out = {
        "Is not overdue.": owe(globex, 1, at=LATE),
        "Nothing is due of it.": owe(globex, 2),
        "Is in dispute.": owe(globex, 3),
        "Its customer has no e-mail address.": owe(make_debtor(organization, name="Mute", email=""), 4),
        "Stands on an open payment request.": owe(stark, 5),
    }
    record_payment(left_out["Nothing is due of it."], key="all", **BY)
    dispute_invoice(left_out["Is in dispute."], reason="Not ours", **BY)
    older = request_payment(
        stark,
        currency="EUR",
        chosen=[left_out["Stands on an open payment request."].pk],
        key="before",
        **BY,
    )

    told = seen(organization)
    assert (told.doing, told.requests, sorted(told.sums)) == (4, 3, [("EUR", 3, 14000), ("USD", 1, 1000)])
    found = work(start(organization))
    assert {note: found[row.number] for note, row in left_out.items()} == {
        note: ("skipped", note) for note in left_out
    }
    asked = ("done", "120.00 EUR asked of ap@globex.example")
    assert (found[first.number], found[second.number]) == (asked, asked)
    assert found[third.number] == ("done", "20.00 EUR asked of ap@stark.example")
    assert found[fourth.number] == ("done", "10.00 USD asked of ap@u.example")
    assert PaymentRequest.objects.count() == 4 and Mail.objects.count() == 3

    assert (seen(organization).doing, seen(organization, again=True).doing) == (0, 5)
    work(start(organization, "b", again=True))
    older.refresh_from_db()
    assert older.close_reason == "replaced" and PaymentRequest.objects.open().count() == 3


def test_what_is_paid_until_its_turn_comes_is_not_asked_for(
    organization: Organization, globex: Customer
) -> None:
    paid, open_one = owe(globex, 100), owe(globex, 50)
    run = start(organization)
    record_payment(paid, key="all", **BY)
    found = work(run)
    assert found[open_one.number] == ("done", "50.00 EUR asked of ap@globex.example")
    assert found[paid.number] == ("failed", "It is not overdue any more, or in dispute.")
    assert PaymentRequest.objects.get().amount_minor == 5000


def test_a_customer_that_refuses_holds_up_no_other_and_is_asked_once_it_can(
    organization: Organization, globex: Customer
) -> None:
    wrong = make_debtor(organization, name="Wrong", email="ap@wrong.example")
    first, second, fine = owe(wrong, 10), owe(wrong, 20), owe(globex, 30, at=on(2026, 3, 3))
    run = start(organization)
    Customer.objects.filter(pk=wrong.pk).update(email="")
    found = work(run)
    assert found[fine.number][0] == "done" and {found[row.number][0] for row in (first, second)} == {"failed"}
    Customer.objects.filter(pk=wrong.pk).update(email="ap@wrong.example")
    runs.run_failed_again(run, **BY)
    assert {outcome for outcome, _ in work(run).values()} == {"done"}
    assert sorted(PaymentRequest.objects.values_list("amount_minor", flat=True)) == [3000, 3000]


def test_what_was_asked_for_meanwhile_is_not_asked_for_again(
    organization: Organization, globex: Customer
) -> None:
    """Two people confirm the same act, and a third asks for one invoice by hand."""
    first, second = owe(globex, 100), owe(globex, 50)
    one, other = start(organization), start(organization, "b")
    by_hand = request_payment(
        globex, currency="EUR", chosen=[first.pk], to=["ap@globex.example"], key="h", **BY
    )
    found = work(one)
    assert found[first.number] == ("done", "It was asked for meanwhile.")
    assert found[second.number] == ("done", "50.00 EUR asked of ap@globex.example")
    assert set(work(other).values()) == {("done", "It was asked for meanwhile.")}
    by_hand.refresh_from_db()
    assert by_hand.open and (PaymentRequest.objects.count(), Mail.objects.count()) == (2, 2)


@pytest.mark.parametrize("again", [False, True])
def test_more_than_one_request_takes_are_asked_for_by_several(
    organization: Organization, globex: Customer, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    monkeypatch.setattr(runs, "MOST_INVOICES", 2)
    for amount, day in ((10, 3), (20, 2), (30, 1)):
        owe(globex, amount, on(2026, 3, day))
    assert {outcome for outcome, _ in work(start(organization, again=again)).values()} == {"done"}
    amounts = PaymentRequest.objects.open().order_by("created_at").values_list("amount_minor", flat=True)
    assert list(amounts) == [4000, 2000], "the one whose turn it is, and the oldest debt"


def test_customers_that_go_are_not_asked(organization: Organization, globex: Customer) -> None:
    invoice = owe(globex, 100)
    run = start(organization)
    Customer.objects.filter(pk=globex.pk).update(deleting_at=LATE)
    assert dict(seen(organization).staying) == {"has a customer that was deleted": 1}
    assert work(run)[invoice.number] == ("failed", "Its customer was deleted.")


def test_a_sandbox_asks_nobody(organization: Organization, globex: Customer) -> None:
    owe(globex, 100)
    Organization.objects.filter(pk=organization.pk).update(sandbox=True)
    assert dict(seen(organization).staying) == {"is of a sandbox, which mails no customer": 1}


def test_from_the_list_to_what_came_of_it(client: Client, globex: Customer) -> None:
    staff = sign_in(client, make_member(globex.organization))
    for amount in (100, 50):
        owe(globex, amount)
    page = staff.get("/invoices/bulk", {"act": "request", "all": "1", "query": "tab=overdue"})
    assert "one for each customer, currency and billing entity" in page.content.decode()
    assert page.context["forecast"].requests == 1
    given = {"act": "request", "all": "1", "query": "tab=overdue", "once": "run-requests"}
    answer = staff.post("/invoices/bulk", given | {"seen": page.context["forecast"].seen})
    work(InvoiceRun.objects.get())
    assert "150.00 EUR asked of ap@globex.example" in staff.get(answer["Location"]).content.decode()
    assert PaymentRequest.objects.get().parts.count() == 2
