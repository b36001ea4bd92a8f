"""Subscriptions from their start to their end, driven through the real actions: trials, ends, billing days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from billing.actions.charge_terms import ChargeTerms
from billing.actions.coupon_terms import create_coupon
from billing.actions.coupons import apply_coupon
from billing.models import Plan
from billing.rules.periods import BillingTime, Interval, period_at
from invoicing.models import CreditNote, Invoice
from tests.cases.comparing import Answers, Share, differences
from tests.cases.given import Given, NotBuilt, moment
from tests.cases.invoices import of_fees
from tests.cases.registry import area
from tests.cases.steps import end, ending_of
from tests.cases.world import (
    BY,
    World,
    declared_of,
    metric_of,
    open_world,
    plan_of,
    subscribe,
    tax_of,
    terms_of,
)


def charges_of(world: World, rows: Sequence[Given]) -> list[ChargeTerms]:
    """The charges of a plan; each has a metric of its own, named like its code."""
    terms = []
    for i, row in enumerate(rows):
        code = row.get("code", f"metric{i}" if i else "metric")
        filters = [dict(one) for one in row.get("filters", [])]
        metric = metric_of(
            world,
            row.get("aggregation", "sum_agg"),
            "value",
            code,
            recurring=row.get("recurring", False),
            filters=declared_of(filters),
        )
        terms.append(
            terms_of(
                metric,
                row.get("charge_model", "standard"),
                row.get("properties", {"amount": str(row.get("amount", "0"))}),
                min_amount_minor=int(row.number("min_amount_cents")),
                taxes=[tax_of(world, rate) for rate in row.get("tax_rates", [])],
                filters=filters,
                prorated=row.get("prorated", False),
                pay_in_advance=row.get("pay_in_advance", False),
            )
        )
        row.ignore("units", "field_name")
    return terms


def world_of(given: Given) -> tuple[World, Plan, datetime]:
    """The organization and the plan of a case, and when its subscription is made."""
    created = (
        given.moment_or("created_at") or given.moment_or("subscription_at") or given.moment("subscribed_at")
    )
    plan = given.part("plan")
    world = open_world(
        created,
        timezone=given.get("timezone", "UTC"),
        currency=given.get("currency", plan.get("currency", "EUR")),
        grace_days=int(given.number("grace_period_days")),
    )
    if given.get("tax_rate") is not None:
        tax_of(world, given["tax_rate"], default=True)
    rows = given.rows("charges") or ([given.part("charge")] if given.get("charge") else [])
    return world, plan_of(world, plan, charges_of(world, rows)), created


def use(world: World, given: Given) -> None:
    """The events of a case: an instant, or {at, value, times} and properties."""
    for row in given.get("events", []):
        own = {"at": row} if isinstance(row, str) else dict(row)
        times = int(own.pop("times", 1))
        at = moment(own["at"])
        world.pass_time(at)
        own.setdefault("value", 1)
        world.send([own] * times, at)


def amounts_of(invoice: Invoice) -> Answers:
    """The figures of an invoice."""
    lines = list(invoice.lines.all())
    return {
        "fees_count": len(lines),
        "fees": len(lines),
        "fees_amount_cents": invoice.lines_minor,
        "coupons_amount_cents": invoice.coupons_minor,
        "sub_total_excluding_taxes_amount_cents": invoice.subtotal_minor,
        "taxes_amount_cents": invoice.taxes_minor,
        "sub_total_including_taxes_amount_cents": invoice.subtotal_minor + invoice.taxes_minor,
        "credit_notes_amount_cents": invoice.credit_notes_minor,
        "prepaid_credit_amount_cents": invoice.wallet_credits_minor,
        "total_amount_cents": invoice.total_minor,
        "issuing_date": invoice.issuing_on,
        "status": invoice.status,
        "subscription_fee_amount_cents": sum(
            line.amount_minor for line in lines if line.kind == "subscription"
        ),
        "charge_fee_amount_cents": sum(line.amount_minor for line in lines if line.kind == "charge"),
        "usage_fees_amount_cents_sorted": sorted(
            line.amount_minor for line in lines if line.kind == "charge"
        ),
        "true_up_fee": next(
            (
                {"amount_cents": line.amount_minor, "taxes_amount_cents": line.tax_minor, "units": line.units}
                for line in lines
                if line.kind == "true_up"
            ),
            None,
        ),
    }


@dataclass(frozen=True)
class Runs:
    """How many invoices each run has made, in order; the cases group them by when they were."""

    counts: Sequence[tuple[str, int]]

    def matches(self, expected: Any) -> bool:
        before, day, after = (expected.get(name, []) for name in ("before", "billing_day_total", "after"))
        wanted = [(row["at"], row["invoices"]) for row in before]
        first, last = len(before), len(before) + len(day["at"])
        found = list(self.counts)
        return bool(
            found[:first] == wanted
            and [at for at, _ in found[first:last]] == day["at"]
            and sum(count for _, count in found[first:last]) == day["invoices"]
            and found[last:] == [(row["at"], row["invoices"]) for row in after]
        )


@area("dates.billing_day", database=True)
def billing_day(given: Given) -> Answers:
    """Runs by the hour, and what each of them makes."""
    start = given.moment("subscription_at")
    world = open_world(start, timezone=given.get("timezone", "UTC"))
    plan = Given(
        {
            "interval": given["interval"],
            "amount_cents": 1000,
            "pay_in_advance": given.get("pay_in_advance", False),
            "bill_charges_monthly": given.get("bill_charges_monthly", False),
            "bill_fixed_charges_monthly": given.get("bill_fixed_charges_monthly", False),
        }
    )
    subscribe(world, plan_of(world, plan), start, billing_time=given["billing_time"])
    counts = []
    for check in given.rows("checks_in_order"):
        at = check.moment("at")
        world.pass_time(at)
        before = Invoice.objects.count()
        world.run(at)
        counts.append((check["at"], Invoice.objects.count() - before))
    return {"new_invoices_at": Runs(counts), "invoices_total": sum(count for _, count in counts)}


@dataclass(frozen=True)
class Checks:
    """What holds after the runs of given moments, found out when they are asked for."""

    world: World

    def matches(self, expected: Any) -> bool:
        return all(
            not differences({k: v for k, v in check.items() if k != "at"}, self.at(check))
            for check in expected
        )

    def at(self, check: dict[str, Any]) -> Answers:
        world, at = self.world, moment(check["at"])
        before = [invoice.status for invoice in world.invoices()]
        world.run(at)
        invoices = world.invoices()
        subscription = world.subscription
        answers: Answers = {
            "invoices": len(invoices),
            "in_trial": subscription.status == "trialing",
            "status_before_finalize_job": before[-1] if before else None,
        }
        if invoices:
            last = amounts_of(invoices[-1])
            answers |= last | {"status_after_finalize_job": last["status"]}
        return answers


@area("subscription.trial", database=True)
def trial(given: Given) -> Answers:
    """A subscription whose plan is free for some days."""
    world, plan, created = world_of(given)
    subscribe(world, plan, created, billing_time=given.get("billing_time", "calendar"))
    at_creation = len(world.invoices())
    use(world, given)
    return {"invoices_at_creation": at_creation, "checks": Checks(world)}


@area("subscription.termination", database=True)
def termination(given: Given) -> Answers:
    """The end of a subscription: by its date, or by hand."""
    world, plan, created = world_of(given)
    start, ending = given.moment_or("subscription_at"), given.moment_or("ending_at")
    subscribe(
        world,
        plan,
        created,
        billing_time=given.get("billing_time", "calendar"),
        subscription_at=start,
        ending_at=ending,
    )
    use(world, given)
    first = world.invoices()
    answers: Answers = {"first_invoice": amounts_of(first[0]) if first else None}
    for text in given.get("billing_at", []):
        world.pass_time(moment(text))
        world.run(moment(text))
    answers |= {"invoices_before": len(world.invoices()), "status_before": world.subscription.status}
    by_hand, job = given.moment_or("terminated_at"), given.moment_or("termination_job_at")
    if by_hand is not None:
        end(world, by_hand, ending_of(given))
    elif job is not None:
        world.pass_time(job)
        world.run(job)
    invoices = world.invoices()
    notes = list(CreditNote.objects.order_by("created_at"))
    last = amounts_of(invoices[-1]) if invoices else {}
    return (
        answers
        | last
        | {
            "invoices": len(invoices),
            "status": world.subscription.status,
            "credit_notes": len(notes),
            "credit_note": note_of(notes[-1]) if notes else None,
            "termination_invoice": last,
        }
    )


def note_of(note: CreditNote) -> Answers:
    """The figures of a credit note; its balance before and after the closing invoice."""
    return {
        "sub_total_excluding_taxes_amount_cents": note.net_minor,
        "taxes_amount_cents": note.tax_minor,
        "total_amount_cents": note.total_minor,
        "credit_amount_cents": note.total_minor - note.refund_minor,
        "refund_amount_cents": note.refund_minor,
        "balance_before": note.total_minor - note.refund_minor,
        "balance_after": note.balance_minor,
    }


@area("subscription.scenario", database=True)
def subscription_life(given: Given) -> Answers:
    """A subscription in arrears that ends, perhaps after changes of its plan."""
    for change in ("upgrade", "downgrade"):
        if change in given:
            raise NotBuilt("changes of plan in scenarios")
    world, plan, created = world_of(given.part("initial"))
    subscribe(world, plan, created, billing_time=given.part("initial").get("billing_time", "calendar"))
    ended = given.moment("terminated_at")
    made = end(world, ended)
    fees = amounts_of(made.invoice)["subscription_fee_amount_cents"] if made.invoice else None
    return {"termination_fee_amount_cents": fees}


@area("invoice.scenario", database=True)
def invoice_scenario(given: Given) -> Answers:
    """An invoice of given fees, of one billing date, or of a whole life."""
    if "fees" in given:
        return of_fees(given)
    world, plan, created = world_of(given)
    for i, row in enumerate(given.rows("coupons_in_creation_order")):
        give_coupon(world, row, i, created)
    subscribe(world, plan, created, billing_time=given.get("billing_time", "calendar"))
    for row in given.rows("charges"):
        if "units" in row:
            world.send([{"value": row["units"]}], created, code=row["code"])
    runs = [given["billing_date"] + "T00:00:00Z"] if "billing_date" in given else given.get("billing_at", [])
    opening = world.invoices()
    for text in runs:
        world.pass_time(moment(text))
        world.run(moment(text))
    answers: Answers = {"first_invoice_total_amount_cents": opening[0].total_minor if opening else None}
    use(world, given)
    if "terminated_at" in given:
        ended = given.moment("terminated_at")
        made = end(world, ended)
        answers["termination_invoice"] = amounts_of(made.invoice) if made.invoice else None
    last = world.invoices()[-1]
    return answers | amounts_of(last) | {"fees": fees_by_code(last)}


def fees_by_code(invoice: Invoice) -> dict[str, Answers]:
    """Each line under "subscription", its metric's code, or that and "_true_up"."""
    found = {}
    for line in invoice.lines.select_related("charge__metric"):
        code = line.charge.metric.code if line.charge else line.kind
        name = f"{code}_true_up" if line.kind == "true_up" else code
        found[name] = {
            "amount_cents": line.amount_minor,
            "taxes_amount_cents": line.tax_minor,
            "precise_coupons_amount_cents": Share(line.coupon_minor, invoice.deductions.count()),
            "taxes_rate": line.tax_rate,
        }
    return found


def give_coupon(world: World, row: Given, number: int, at: datetime) -> None:
    """A coupon made and given to the customer."""
    fixed = row["type"] == "fixed_amount"
    terms: dict[str, Any] = {"frequency": row.get("frequency", "once")}
    if fixed:
        terms |= {
            "amount_minor": int(row["amount_cents"]),
            "currency": row.get("currency", world.customer.currency),
        }
    else:
        terms["percentage"] = row.number("percentage_rate")
    if "frequency_duration" in row:
        terms["frequency_duration"] = int(row["frequency_duration"])
    coupon = create_coupon(
        world.organization, name=f"c{number}", code=f"c{number}", kind=row["type"], by=BY, at=at, **terms
    )
    apply_coupon(world.customer, coupon, by=BY, at=at)


@area("commitment.amount", database=True)
def commitment(given: Given) -> Answers:
    """What a plan's minimum commitment adds to the n-th invoice."""
    start, interval = given.moment("subscription_at"), given["interval"]
    world = open_world(start)
    kinds = ("arrears", "in_advance", "in_advance_recurring")
    unit = {"amount": given["charges_amount_per_unit"]}
    terms = [
        # What is used at the start is billed with the first period, in advance or not; what stays in use each period.
        terms_of(
            metric_of(world, "sum_agg", "value", kind, recurring=kind.endswith("recurring")), "standard", unit
        )
        for kind in kinds
    ]
    in_advance = given.get("pay_in_advance", False)
    plan = Given(
        {"interval": interval, "amount_cents": given["plan_amount_cents"], "pay_in_advance": in_advance}
    )
    commitment_minor = int(given["minimum_commitment_amount_cents"])
    made = plan_of(world, plan, terms, commitment_minor=commitment_minor)
    subscribe(world, made, start, billing_time=given["billing_time"])
    for row in given.rows("events_at_start"):
        world.send([{"value": row["value"]}], start, code=row["charge"])
    billed, at = int(in_advance), start
    while billed < int(given["billed_period"]):
        at = period_at(
            at,
            interval=Interval(interval),
            billing_time=BillingTime(given["billing_time"]),
            anchor=start,
            tz="UTC",
        ).end
        world.run(at + timedelta(minutes=1))
        billed += 1
    line = world.invoices()[-1].lines.filter(kind="commitment").first()
    return {"commitment_fee_amount_cents": line.amount_minor if line else None}
