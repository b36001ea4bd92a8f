"""The invoices that planned subscriptions would bring, before anybody has agreed to them.

A customer (or a buyer who is none yet), the subscriptions and coupons are put in place by the very actions that do it
in earnest, billed by the run moment by moment, read, and rolled back.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import transaction

from billing.actions.coupons import apply_coupon
from billing.actions.locks import lock_present_customer
from billing.actions.subscription_terms import period_end
from billing.actions.subscriptions import start_subscription
from billing.models import BillingEntity, Coupon, Organization, Plan, Subscription, Tax
from billing.orm.actor import Actor
from billing.queries.own_terms import OwnTerms
from billing.queries.terms import PriceBook, price_book
from billing.rules.errors import Conflict, FieldErrors, Invalid
from billing.rules.periods import BillingTime
from billing.rules.states import SubscriptionStatus
from invoicing.actions.billing_run import bill_customer, bill_start
from invoicing.actions.effects import STEPS, next_moment
from invoicing.models import Invoice, InvoicedPeriod
from invoicing.queries.foreseen import Coming, foreseen
from invoicing.rules.states import InvoiceStatus


@dataclass(frozen=True)
class Planned:
    """A subscription as it is asked about. `own`: what is agreed instead of the plan's, for its currency."""

    plan: Plan
    starts_at: datetime | None = None
    ending_at: datetime | None = None
    billing_time: str = BillingTime.CALENDAR.value
    trial_days: int | None = None
    name: str = ""
    separate_invoice: bool = False
    own: Callable[[PriceBook, str], OwnTerms] | None = None


def preview_invoices(
    organization: Organization,
    customer: Any | Mapping[str, Any],
    planned: Sequence[Planned],
    *,
    running: Sequence[Subscription] = (),
    coupons: Sequence[Coupon] = (),
    by: Actor,
    at: datetime,
) -> list[Coming]:
    """What is billed of the planned and the `running` subscriptions up to the end of the first period of each: at
    their start, and when that period ends. `customer`: one of the organization's, or the columns of one that is none.

    Nothing is written. Raises what assigning the plans and applying the coupons would raise.
    """
    if not planned and not running:
        raise Invalid("Name a plan or a subscription.", field="subscriptions")
    with transaction.atomic():
        buyer = new_buyer(organization, customer) if isinstance(customer, Mapping) else customer
        buyer = lock_present_customer(buyer.pk)
        for coupon in coupons:
            apply_coupon(buyer, coupon, by=by, at=at)
        known = set(Invoice.objects.filter(customer=buyer).values_list("pk", flat=True))
        free = not (isinstance(customer, Mapping) and customer.get("currency"))
        rows = [started(buyer, one, index, free=free, by=by, at=at) for index, one in enumerate(planned)]
        fresh = Invoice.objects.filter(customer=buyer).exclude(pk__in=known)
        fresh = fresh.exclude(status=InvoiceStatus.CLOSED.value).order_by("pk")
        found = [Coming(at, foreseen(invoice, at)) for invoice in fresh]
        found += billed(buyer, [*rows, *running], by=by, at=at)
        transaction.set_rollback(True)
    return found


def new_buyer(organization: Organization, columns: Mapping[str, Any]) -> Any:
    """A customer as a row that nobody keeps: no provider, no check and no message knows of it."""
    values = dict(columns)
    taxes: list[Tax] = values.pop("taxes", [])
    entity = BillingEntity.objects.of(organization).get(is_default=True)
    buyer = apps.get_model("customers", "Customer")(
        organization=organization, billing_entity=entity, **values
    )
    buyer.currency = buyer.currency or organization.default_currency
    buyer.external_id = buyer.public_id
    buyer.sequence = 2**30 + secrets.randbelow(2**30)
    buyer.save(force_insert=True)
    buyer.taxes.set(taxes)
    return buyer


def started(buyer: Any, one: Planned, index: int, *, free: bool, by: Actor, at: datetime) -> Subscription:
    """The planned subscription, its first fee in advance billed. The currency is the buyer's; where it is `free` and
    the plan has no price in it, the plan's own.
    """
    book = price_book(one.plan)
    if (
        free
        and buyer.currency not in book.sold_in
        and not Subscription.objects.filter(customer=buyer).exists()
    ):
        buyer.currency = one.plan.currency
        buyer.save(update_fields=["currency", "updated_at"])
    try:
        row = start_subscription(
            buyer,
            one.plan,
            currency=buyer.currency,
            name=one.name,
            billing_time=one.billing_time,
            subscription_at=one.starts_at,
            ending_at=one.ending_at,
            trial_days=one.trial_days,
            separate_invoice=one.separate_invoice,
            own=one.own(book, buyer.currency) if one.own else None,
            by=by,
            at=at,
        )
    except FieldErrors as error:
        named = [(f"subscriptions[{index}].{name}", text) for name, text in error.errors]
        raise FieldErrors(named, code=error.code) from error
    except Invalid as error:
        field = "plan" if error.code == "price_not_found" else error.field
        raise Invalid(str(error), code=error.code, field=f"subscriptions[{index}].{field}") from error
    if row.status != SubscriptionStatus.PENDING.value:
        bill_start(row, by=by, at=at)
    return row


def billed(buyer: Any, rows: Sequence[Subscription], *, by: Actor, at: datetime) -> list[Coming]:
    """What the run makes of some subscriptions up to the end of the period that runs, or of their first one."""
    keys = [row.pk for row in rows]
    untils = {row.pk: period_end(row, max(at, row.begins_at)) for row in rows if not row.is_ended}
    found: list[Coming] = []
    since, last, moment = at, max(untils.values(), default=at), at
    for _ in range(STEPS * max(1, len(keys))):
        made = bill_customer(buyer.pk, by=by, at=moment, wait=False)
        if made is None:
            raise Conflict("This customer is being billed at this moment.", code="customer_busy")
        mine = set(
            InvoicedPeriod.objects.filter(invoice__in=made, subscription__in=keys).values_list(
                "invoice_id", flat=True
            )
        )
        found += [Coming(moment, foreseen(invoice, moment)) for invoice in made if invoice.pk in mine]
        later = [
            one
            for row in Subscription.objects.filter(pk__in=keys)
            if (one := next_moment([row], since, untils.get(row.pk, last))) is not None
        ]
        if not later:
            break
        since = moment = min(later)
    return found
