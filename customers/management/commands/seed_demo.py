"""`manage.py seed_demo`: a lively organization, made by the real actions with a moved clock.

Six months pass in under a minute: customers come, events arrive, periods end and are billed, invoices are paid,
forgotten or voided. Running it again changes nothing. Prints the login as one JSON object.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from billing.actions.coupons import apply_coupon
from billing.actions.subscriptions import cancel_pending
from billing.actions.usage import ingest
from billing.models import Job, Organization, Subscription
from billing.queries.schedules import customer_zone
from billing.rules.events import IncomingEvent
from billing.rules.periods import add_months, start_of_day
from billing.rules.states import BILLABLE
from customers.actions.assign import assign_plan
from customers.actions.customers import add_customer
from customers.actions.delete import carry_out, request_deletion
from customers.actions.erase import carry_out as erase
from customers.actions.erase import request_erasure
from customers.management.commands import _demo_catalog as data
from customers.management.commands._demo_api import make_calls
from customers.management.commands._demo_collecting import make_collected
from customers.management.commands._demo_dunning import make_dunning
from customers.management.commands._demo_lists import make_views, void_some
from customers.management.commands._demo_notes import make_notes
from customers.management.commands._demo_online import make_online
from customers.management.commands._demo_providers import make_providers
from customers.management.commands._demo_usage import events_of, properties_of
from customers.management.commands._demo_wallets import make_wallet_states, welcome
from customers.management.commands._demo_webhooks import add_webhooks, answer_webhooks
from customers.management.commands._demo_world import (
    BY,
    Catalogue,
    company,
    make_catalogue,
    make_customers,
    make_organization,
)
from customers.models import Customer
from invoicing.actions.announcing import tell_of_overdue
from invoicing.actions.billing_run import RunResult, bill_customers, finalize_drafts
from invoicing.actions.disputes import dispute_invoice
from invoicing.actions.line_edits import add_item, correct_line
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.regenerate import regenerate_invoice
from invoicing.actions.termination import terminate_subscription
from invoicing.models import Invoice, InvoiceLine, InvoiceType, PdfState
from invoicing.rules.adjusting import Correction

NAME = "Tarn Demo"
PASSWORD = "tarn-demo-login"  # noqa: S105 - a demo that anybody may sign in to
CUSTOMERS, EVENTS, MONTHS = 142, 84_000, 6
RECENT = timedelta(days=35)
BEFORE_THE_RUN = timedelta(hours=14)  # after a month's end in UTC; it has ended everywhere then
BATCH = 1000


class Command(BaseCommand):
    """Make the demo organization unless it is there."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--events", type=int, default=EVENTS)
        parser.add_argument("--customers", type=int, default=CUSTOMERS)

    def handle(self, *args: Any, **options: Any) -> str:
        login = json.dumps({"email": data.PEOPLE[0][1], "password": PASSWORD})
        if not Organization.objects.filter(name=NAME).exists():
            with connection.cursor() as cursor:  # thousands of commits; a crash would only cost the demo
                cursor.execute("SET synchronous_commit TO off")
            Demo(timezone.now(), options["customers"], options["events"]).build()
        return login


class Demo:
    """One pass through the months, in the order in which things would have happened."""

    def __init__(self, now: datetime, customers: int, events: int) -> None:
        self.now = now
        self.dice = random.Random(20260401)  # noqa: S311 - the same demo each time, not a secret
        first = add_months(now.astimezone(UTC).date().replace(day=1), -MONTHS)
        self.months = [
            datetime(day.year, day.month, 1, tzinfo=UTC)
            for day in (add_months(first, index) for index in range(MONTHS + 1))
        ]
        self.customers, self.events = customers, events
        self.organization = make_organization(NAME, PASSWORD, self.months[0])
        self.catalogue: Catalogue = make_catalogue(self.organization, self.months[0])
        self.mine = Q(organization=self.organization)

    def build(self) -> None:
        """Everything."""
        start = self.months[0] + timedelta(days=4)
        arrivals = sorted(
            make_customers(self.organization, self.catalogue, self.customers, start, self.dice),
            key=lambda arrival: arrival[2],
        )
        per_month = self.events // (len(self.months) * max(1, len(arrivals)))
        for index, month in enumerate(self.months):
            end = min(self.months[index + 1] if index + 1 < len(self.months) else self.now, self.now)
            for number, (customer, plan, came) in enumerate(arrivals):
                if month <= came < end:
                    self.arrive(customer, plan, came, number)
            self.use(month, end, per_month * 4 // 3)
            for days in (7, 14, 21):  # anniversaries fall due in the middle of the month
                if month + timedelta(days=days) < end:
                    self.close(month + timedelta(days=days))
            if end < self.now:
                self.close(end)
        self.close(self.now)
        make_providers(self.organization, [customer for customer, _, _ in arrivals], BY, self.now)
        self.newcomers()
        self.special_cases()
        self.leave_old_documents_for_later()

    def arrive(self, customer: Customer, plan: Any, came: datetime, number: int) -> None:
        """A customer gets a plan, some a coupon or credits."""
        subscription = assign_plan(
            customer,
            plan,
            external_id=f"{customer.external_id}-main",
            billing_time="anniversary" if number % 6 == 5 else "calendar",
            trial_days=0,
            by=BY,
            at=came,
        )
        Subscription.objects.filter(pk=subscription.pk).update(created_at=came)
        if number % 7 == 0:
            apply_coupon(customer, self.catalogue.coupons[0], by=BY, at=came)
        elif number % 11 == 0:
            apply_coupon(customer, self.catalogue.coupons[2], by=BY, at=came)
        if plan.code == "growth" and number % 4 == 3:
            apply_coupon(customer, self.catalogue.coupons[3], by=BY, at=came)
        if number % 9 == 0:
            welcome(customer, BY, came)

    def use(self, start: datetime, end: datetime, count: int) -> None:
        """A month of events for everyone who is subscribed: the customer's own month, else they would come late."""
        rows = Subscription.objects.filter(self.mine, status__in=[status.value for status in BILLABLE])
        rows = rows.select_related("customer__billing_entity")
        codes = {plan.pk: self.codes(plan) for plan in self.catalogue.plans.values()}

        def all_events() -> Any:
            for row in rows.filter(started_at__lt=end).order_by("started_at"):
                zone = customer_zone(row.customer)
                first = max(start_of_day(start.date(), zone), row.started_at)
                last = end if end == self.now else start_of_day(end.date(), zone)
                yield from events_of(row, codes[row.plan_id], first, last, count, self.dice)

        stream = all_events()
        while batch := list(islice(stream, BATCH)):
            ingest(self.organization, batch, at=min(end + BEFORE_THE_RUN, self.now))

    def codes(self, plan: Any) -> list[str]:
        """The metric codes that a plan prices."""
        return [charge.metric.code for charge in plan.charges.select_related("metric")]

    def close(self, at: datetime) -> None:
        """A period ends: the billing run, the end of the grace period, and customers who pay."""
        result = RunResult()
        run_at = min(at + BEFORE_THE_RUN, self.now)
        bill_customers(self.mine, run_at, result)
        final_at = min(at + timedelta(days=4), self.now)
        finalize_drafts(self.mine, final_at, result)
        if result.failed:
            raise RuntimeError(f"The demo could not be billed: {result.failed[0]}")
        self.pay(final_at)

    def pay(self, at: datetime) -> None:
        """Most invoices are paid after some days, a few in part, a few never."""
        rows = Invoice.objects.filter(self.mine).unpaid().filter(total_minor__gt=0).order_by("number")
        for invoice in rows:
            draw = self.dice.random()
            paid_at = invoice.finalized_at + timedelta(days=3 + 20 * self.dice.random())
            if draw < 0.12 or paid_at > self.now or invoice.paid_minor:
                continue
            part = invoice.total_minor // 2 if draw < 0.16 else None
            record_payment(
                invoice,
                amount_minor=part or None,
                paid_at=paid_at,
                reference=f"Transfer {invoice.number}",
                key="demo",
                by=BY,
                at=max(paid_at, at),
            )

    def newcomers(self) -> None:
        """The last days: trials, starts to come, one that was called off."""
        growth, starter = self.catalogue.plans["growth"], self.catalogue.plans["starter"]
        for number in range(8):
            came = self.now - timedelta(days=1 + number)
            fields = company("growth", 900 + number, self.dice) | {"currency": "EUR"}
            customer = add_customer(self.organization, fields, by=BY, at=came)
            if number < 4:
                assign_plan(customer, growth, external_id=f"{customer.external_id}-main", by=BY, at=came)
            elif number < 7:
                start = self.now + timedelta(days=3 * number)
                waiting = assign_plan(customer, starter, subscription_at=start, by=BY, at=came)
                if number == 6:
                    cancel_pending(waiting, by=BY, at=self.now)

    def changed_by_hand(self, at: datetime) -> None:
        """A voided invoice made again, one in dispute, and a draft with a corrected line and an added one."""
        if again := Invoice.objects.filter(self.mine, status="voided").order_by("number").first():
            regenerate_invoice(again, by=BY, at=at)
        late = Invoice.objects.filter(self.mine).overdue(at.date())
        if contested := late.order_by("due_on", "number").first():
            reason = "They say that the usage of their test account is on it."
            dispute_invoice(contested, reason=reason, by=BY, at=at)
        drafts = Invoice.objects.filter(self.mine, status="draft", type=InvoiceType.SUBSCRIPTION)
        euro = InvoiceLine.objects.filter(invoice__in=drafts, invoice__currency="EUR", kind="charge")
        line = euro.exclude(charge__charge_model="percentage").order_by("-amount_minor", "pk").first()
        if line is not None:
            fewer = Correction((line.units * Decimal("0.9")).quantize(Decimal(1)))
            correct_line(line.invoice, line.pk, fewer, by=BY, at=at)
            add_item(line.invoice, Item("Help with the move", Decimal(95), Decimal(2)), by=BY, at=at)

    def special_cases(self) -> None:
        """What does not happen every day: endings, one-offs, sold credits, voids, quarantine, a deletion."""
        at = self.now
        tell_of_overdue(self.mine, at)  # so that the first webhook does not hear of all that is long ago
        add_webhooks(self.organization, BY, at)
        running = list(
            Subscription.objects.filter(self.mine, status="active")
            .select_related("customer")
            .order_by("-started_at")
        )
        for row in running[30:36]:
            terminate_subscription(row, by=BY, at=at)
        euro = [row.customer for row in running[40:] if row.customer.currency == "EUR"][:6]
        for number, customer in enumerate(euro):
            item = Item("Onboarding workshop, half a day", units=Decimal(1), unit_amount=Decimal(480))
            create_one_off(customer, [item], finalize=number % 2 == 0, by=BY, at=at)
        make_wallet_states(euro, BY, at)
        make_notes(self.organization, euro, at)
        void_some(self.organization, BY, at)
        make_views(self.organization, BY, at)
        self.changed_by_hand(at)
        make_collected(self.organization, BY, at)
        make_dunning(self.organization, BY, at)
        make_online(self.organization, BY, at)
        newest = Customer.objects.filter(self.mine, deleted_at=None).order_by("-created_at")[:8]
        make_calls(self.organization, list(newest), BY, at)
        strays = [
            IncomingEvent(f"stray-{number}", subscription, code, at - timedelta(hours=number), {"count": 1})
            for number, (subscription, code) in enumerate(
                [
                    ("legacy-4411", "api_calls"),
                    ("legacy-4412", "messages"),
                    (running[45].external_id, "exports"),
                ]
            )
        ]
        ingest(self.organization, strays, at=at)
        behind, last_month = running[-3], self.months[-1] - timedelta(days=2)
        late = [
            IncomingEvent(
                f"late-{number}", behind.external_id, code, last_month, properties_of(code, self.dice, 1)
            )
            for number, code in enumerate(self.codes(behind.plan))
        ]
        ingest(self.organization, late, at=at)
        leaving, forgotten = running[-1].customer, running[-2].customer
        for customer in (leaving, forgotten):
            job = request_deletion(customer, by=BY, at=at)
            carry_out(job)
            Job.objects.filter(pk=job.pk).update(state="succeeded", started_at=at, finished_at=at)
        forgotten.refresh_from_db()
        reason = "Asked by letter to be forgotten"
        asked = request_erasure(forgotten, reason=reason, confirm=forgotten.external_id, by=BY, at=at)
        if asked is not None:
            erase(asked)
            Job.objects.filter(pk=asked.pk).update(state="succeeded", started_at=at, finished_at=at)
        answer_webhooks(self.organization, at)

    def leave_old_documents_for_later(self) -> None:
        """Only recent invoices are printed at once; the PDF of an older one is made when it is asked for."""
        old = Invoice.objects.filter(self.mine, finalized_at__lt=self.now - RECENT)
        jobs = Job.objects.filter(self.mine, task="invoicing.publish", state="queued")
        jobs.filter(subject_id__in=old.values("pk")).delete()
        old.update(pdf_state=PdfState.NONE)
