"""Documents and what happens to them: numbers, drafts that are corrected, and the deletion of their customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from billing.actions.coupon_terms import create_coupon
from billing.actions.coupons import apply_coupon
from billing.actions.subscriptions import start_subscription
from billing.models import AppliedCoupon, BillingEntity, Wallet
from customers.actions.customers import add_customer
from customers.actions.delete import KEEP, carry_out, request_deletion
from customers.models import Customer
from invoicing.actions.billing_run import bill_customer
from invoicing.actions.draft import refresh_draft
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.line_edits import correct_line
from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import Invoice
from invoicing.rules.adjusting import Correction
from tests.cases.comparing import Answers
from tests.cases.given import Given, NotBuilt, moment
from tests.cases.registry import area
from tests.cases.world import (
    BY,
    World,
    make_wallet,
    metric_of,
    open_world,
    plan_of,
    subscribe,
    terms_of,
)


@area("invoice.numbering", database=True)
def numbering(given: Given) -> Answers:
    """The numbers of one invoice for each customer, after those in `history`."""
    at, prefix = given.moment("issued_at"), given["document_number_prefix"]
    given.ignore("invoices_per_customer_before")
    world = open_world(at)
    customers = [world.customer] + [
        add_customer(
            world.organization,
            {"name": f"C{i}", "external_id": f"c{i}", "email": f"c{i}@case.example", "currency": "EUR"},
            by=BY,
            at=at,
        )
        for i in range(1, int(given["customers"]))
    ]
    for numbers in given["history"]:
        month = len(numbers[0].split("-")[-2]) == len("202311")
        issue(world, customers, "per_billing_entity" if month else "per_customer", prefix, given)
    style = given["document_numbering"].replace("per_organization", "per_billing_entity")
    made = issue(world, customers, style, prefix, given)
    last = [int(invoice.number.rsplit("-", 1)[-1]) for invoice in made]
    own = style == "per_customer"
    return {
        "numbers": [invoice.number for invoice in made],
        "sequential_ids": last if own else [len(given["history"]) + 1] * len(made),
        "billing_entity_sequential_ids": [None] * len(made) if own else last,
    }


def issue(
    world: World, customers: Sequence[Customer], style: str, prefix: str, given: Given
) -> list[Invoice]:
    """An invoice for each customer, numbered in a style."""
    BillingEntity.objects.of(world.organization).update(numbering=style, number_prefix=prefix)
    item = Item("Item", Decimal(1), Decimal(1))
    at = given.moment("issued_at")
    made = []
    for customer in customers:
        fresh = Customer.objects.select_related("billing_entity", "organization").get(pk=customer.pk)
        made.append(create_one_off(fresh, [item], finalize=True, by=BY, at=at))
    return made


@area("customer.deletion", database=True)
def deletion(given: Given) -> Answers:
    """A customer with everything, deleted."""
    before, created = given.part("state_before"), given.moment("created_at")
    world = open_world(created, grace_days=int(given.number("grace_period_days")))
    plan = plan_of(world, given.part("plan"))
    subscribe(world, plan, created, name="current")
    world.subscriptions["downgrade"] = start_subscription(
        world.customer,
        plan,
        external_id="downgrade",
        subscription_at=given.moment("deleted_at") + timedelta(days=30),
        by=BY,
        at=created,
    )
    terms = {"kind": "percentage", "percentage": Decimal(1), "frequency": "forever"}
    coupon = create_coupon(world.organization, name="c", code="c", by=BY, at=created, **terms)
    applied = apply_coupon(world.customer, coupon, by=BY, at=created)
    wallet = make_wallet(world, "0", created)
    for text in given["billing_at"]:
        bill_customer(world.customer.pk, by=BY, at=moment(text))
    drafts = dict(zip(("dec", "jan"), Invoice.objects.order_by("created_at", "pk"), strict=False))
    states = {name: drafts[name].status for name in before.get("invoices", {}) if name in drafts}
    rows = {name: world.subscription_named(name).status for name in before.get("subscriptions", {})}
    found = {
        "subscriptions": rows,
        "invoices": states,
        "applied_coupon": applied.status,
        "wallet": wallet.status,
    }
    for name in ("subscriptions", "invoices", "applied_coupon", "wallet"):
        if name in before and before[name] != found[name]:
            raise AssertionError(f"{name} begin as {found[name]}")
    carry_out(request_deletion(world.customer, unpaid_invoices=KEEP, by=BY, at=given.moment("deleted_at")))
    invoices = list(Invoice.objects.order_by("created_at", "pk"))
    closing = [invoice for invoice in invoices if invoice.pk not in {draft.pk for draft in drafts.values()}]
    customer = Customer.objects.get(pk=world.customer.pk)
    return {
        "customer": "discarded" if customer.deleted_at else "kept",
        "subscriptions": {name: world.subscription_named(name).status for name in rows},
        "applied_coupon": AppliedCoupon.objects.get(pk=applied.pk).status,
        "wallet": Wallet.objects.get(pk=wallet.pk).status,
        "invoices": {name: Invoice.objects.get(pk=draft.pk).status for name, draft in drafts.items()},
        "subscription_invoices": len(invoices),
        "termination_invoice": closing[-1].status if closing else None,
    }


@area("adjusted_fee.subscription", "adjusted_fee.charge", database=True)
def adjusted(given: Given) -> Answers:
    """A line of a draft that staff have corrected: it survives a refresh and counts when the draft is final."""
    given.ignore("premium")
    start, billed, charge = given.moment("subscription_at"), given.moment("billing_at"), given.get("charge")
    world = open_world(start, grace_days=int(given.number("grace_period_days")))
    charges = []
    if charge is not None:
        own = given.part("charge")
        metric = metric_of(world, own["aggregation"], "value")
        charges = [terms_of(metric, own["charge_model"], {"amount": own["amount"]})]
    plan = plan_of(world, given.part("plan"), charges)
    subscribe(world, plan, start, billing_time=given.get("billing_time", "calendar"))
    world.pass_time(billed)
    world.send(given.get("events", []), billed)
    world.run(billed)
    (draft,) = world.invoices()
    wanted = given.part("adjusted")
    kind = "subscription" if charge is None else "charge"
    line = draft.lines.filter(kind=kind).first() or draft.lines.get()
    price = wanted.get("unit_precise_amount")
    correction = Correction(
        wanted.number("units") if "units" in wanted else None,
        None if price is None else Decimal(str(price)),
        wanted.get("invoice_display_name", ""),
    )
    totals = {"draft_total_before": draft.total_minor}
    totals["draft_total_after"] = correct_line(draft, line.pk, correction, by=BY, at=billed).total_minor
    totals["after_refresh"] = refresh_draft(draft, by=BY, at=billed).total_minor
    totals["after_finalize"] = finalize_invoice(draft, by=BY, at=billed).total_minor
    return dict(totals)


@area("invoice.void", "invoice.regenerate", database=True)
def void(given: Given) -> Answers:
    """Withdrawing a document."""
    raise NotBuilt("cases of withdrawn invoices")
