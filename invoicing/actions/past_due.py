"""Subscriptions whose invoices were not paid in time: past due from the day after the due day until all is paid.

It is a word about money and changes nothing that is billed: usage counts and periods go on. An invoice that several
subscriptions share concerns all of them; one of a subscription whose plan was changed concerns the one that follows.
"""

from __future__ import annotations

import logging
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from billing.actions.locks import lock_customer
from billing.actions.subscriptions import lock_subscription, set_status
from billing.models import Subscription
from billing.orm.actor import Actor
from billing.rules.states import SubscriptionStatus
from invoicing.actions.request_ends import follow_requests
from invoicing.models import Invoice, InvoicedPeriod, InvoiceLine, InvoiceType

logger = logging.getLogger(__name__)
EARLY = (InvoiceType.ADVANCE.value, InvoiceType.PROGRESSIVE.value)
ACTIVE, PAST_DUE = SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE


def run(where: Q, at: datetime) -> None:
    """Mark what has become past due, and take the word off what owes nothing any more. A customer that somebody
    else holds waits for the next round.
    """
    today = timezone.localtime(at).date()
    subscriptions = Subscription.objects.filter(where)
    owing = Invoice.objects.filter(where).overdue(today)
    found = set(late(subscriptions.filter(status=ACTIVE.value), owing).values_list("customer_id", flat=True))
    marked = subscriptions.filter(status=PAST_DUE.value)
    found |= set(marked.values_list("customer_id", flat=True)) - set(
        late(marked, owing).values_list("customer_id", flat=True)
    )
    for key in sorted(found):
        try:
            with transaction.atomic():
                customer = lock_customer(key, wait=False, joined=False)
                if customer is not None:
                    follow_debts(customer, on=today, by=Actor.system(), at=at)
        except Exception:  # one customer of the round; the others go on
            logger.exception("Past due: customer %s failed.", key)


def late(rows: QuerySet[Subscription], owing: QuerySet[Invoice]) -> QuerySet[Subscription]:
    """Those with something on one of the invoices, or that follow one that has."""
    billed = InvoicedPeriod.objects.filter(invoice__in=owing)
    # Invoices of usage that is billed before its period closes, and those that were made again from a voided one,
    # have lines of the subscription only.
    without = Q(type__in=EARLY) | Q(voided_invoice__isnull=False)
    early = InvoiceLine.objects.filter(invoice__in=owing.filter(without))
    own = Q(pk__in=billed.values("subscription")) | Q(pk__in=early.values("subscription"))
    first = Q(first__in=billed.values("subscription")) | Q(
        first__in=billed.exclude(subscription__first=None).values("subscription__first")
    )
    return rows.filter(own | Q(previous__isnull=False) & first).distinct()


def follow_debts(customer: Any, *, on: date | None = None, by: Actor, at: datetime) -> None:
    """Bring the words of a locked customer's subscriptions in line with what is overdue, and close the payment
    requests of which nothing is due any more. Two queries where there is nothing to do after a payment: without `on`,
    the day, only subscriptions that are past due are looked at.
    """
    follow_requests(customer, by=by, at=at)
    today = on or timezone.localtime(at).date()
    mine = Subscription.objects.filter(customer_id=customer.pk)
    marked = list(mine.filter(status=PAST_DUE.value).order_by("pk"))
    if not marked and on is None:
        return
    owing = Invoice.objects.filter(customer_id=customer.pk).overdue(today)
    owed = set(
        late(mine.filter(status__in=[ACTIVE.value, PAST_DUE.value]), owing).values_list("pk", flat=True)
    )
    for row in marked:
        if row.pk not in owed:
            set_status(lock_subscription(row), ACTIVE, "subscription.recovered", by=by, at=at)
    if on is not None:
        for row in mine.filter(pk__in=owed, status=ACTIVE.value).order_by("pk"):
            set_status(lock_subscription(row), PAST_DUE, "subscription.past_due", by=by, at=at)
