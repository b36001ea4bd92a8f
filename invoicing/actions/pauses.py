"""The end of a pause: its days are given back or not charged, and what has come due meanwhile is billed.

In advance the paused days of fees that were billed before become a credit note (`unused_days.py`), which the bills of
the same moment can already use. Periods that ended in the pause are billed now, each with its usage; their fees leave
the paused days out (`billing/rules/pauses.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions.locks import lock_customer_of
from billing.actions.pauses import go_on
from billing.actions.subscriptions import lock_subscription
from billing.models import Subscription
from billing.orm.actor import Actor
from billing.rules.periods import Period
from invoicing.actions.advance import work_off
from invoicing.actions.periods import bill_due
from invoicing.actions.unused_days import GivenBack, give_back_pause
from invoicing.models import Invoice
from invoicing.queries.rates import Rates


@dataclass(frozen=True)
class Resumption:
    """What going on has produced: the invoices of periods that ended meanwhile, and the paused days given back."""

    invoices: list[Invoice]
    given_back: GivenBack


@transaction.atomic
def resume_subscription(subscription: Subscription, *, by: Actor, at: datetime) -> Resumption:
    """A paused subscription goes on now. Raises Conflict (subscription_not_paused) for another one."""
    customer = lock_customer_of(subscription)
    subscription = lock_subscription(subscription)
    given_back = end_pause(customer, subscription, resumed_at=at, by=by, at=at)
    rates = Rates(customer.organization_id)
    work_off(customer, [subscription], by=by, at=at, rates=rates)
    return Resumption(bill_due(customer, [subscription], by=by, at=at, rates=rates), given_back)


def end_pause(
    customer: Any, subscription: Subscription, *, resumed_at: datetime, by: Actor, at: datetime
) -> GivenBack:
    """A locked subscription goes on from `resumed_at`; the caller bills what has come due."""
    pause = go_on(subscription, resumed_at=resumed_at, by=by)
    span = Period(pause.started_at, pause.ended_at or resumed_at)
    return give_back_pause(customer, subscription, span, key=f"pause:{pause.pk}", by=by, at=at)
