"""The round of the worker: confirmations that are over, then the checks that are due, oldest first.

At most so many a round, claimed by moving their next try so that two rounds at once never ask the same. A fault that
every question would meet ends the round; one of a country spares its other numbers until their next try.
"""

from __future__ import annotations

import time
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from billing.actions.clock import clocks
from billing.actions.locks import lock_customer_of
from customers.actions import vat_override
from customers.actions.vat import (
    LEASE,
    conclude,
    question,
    refusal,
    settle,
    window_end,
    without_answer,
)
from customers.clients.vies import NoAnswer
from customers.models import VatCheck, VatCheckSource, VatCheckState, VatStatus
from customers.rules.vat import fault_of, read_number

MOST = 20
SECONDS = 40.0  # a round is over by then, since the next one is a minute away
TIMEOUT = 8.0


def run(at: datetime, *, most: int = MOST) -> int:
    """One round for all organizations, each by its own clock. Returns how many questions VIES was asked."""
    asked, until = 0, time.monotonic() + SECONDS
    faults: set[str] = set()
    for where, moment in clocks(at):
        vat_override.expire(where, moment)
        for check in claim(where, moment, most - asked):
            stopped = time.monotonic() > until or bool(faults & {"", check.number[:2]})
            asked += one(check, moment, faults, stopped=stopped)
    return asked


@transaction.atomic
def claim(where: Q, at: datetime, most: int) -> list[VatCheck]:
    """Due checks of organizations that want them, kept from others for two minutes. None while VIES blocks us."""
    rows = VatCheck.objects.filter(where, state=VatCheckState.PENDING.value)
    if most <= 0 or VatCheck.objects.filter(state="pending", fault="IP_BLOCKED", next_at__gt=at).exists():
        return []
    due = rows.filter(next_at__lte=at, organization__vat_validation_enabled=True)
    found = list(due.order_by("next_at", "pk").select_for_update(of=("self",), skip_locked=True)[:most])
    VatCheck.objects.filter(pk__in=[row.pk for row in found]).update(next_at=at + LEASE)
    shown = VatCheck.objects.select_related("customer__organization", "customer__billing_entity")
    return list(shown.filter(pk__in=[row.pk for row in found]).order_by("asked_at", "pk"))


def one(check: VatCheck, at: datetime, faults: set[str], *, stopped: bool) -> int:
    """One check of a round: asked about (1), or settled or put off without a question (0). `faults` collects whose
    numbers need not be tried any more in this round: prefixes, or "" for all.
    """
    by = vat_override.SYSTEM
    reading = read_number(check.customer.tax_id, check.customer.country)
    if refusal(check.customer):
        settle(check, NoAnswer("opted_out"), by=by, at=at)
    elif reading.number == check.number and (reading.fault or not reading.asked):
        by_form(check, at)
    elif over := window_end(check.customer, at):
        put_off(check, over, "maintenance")
    elif stopped:
        put_off(check, at + LEASE, check.fault)
    else:
        answer = question(check, timeout=TIMEOUT)
        if isinstance(answer, NoAnswer):
            fault = fault_of(answer.code)
            faults |= {""} if fault.everything else {check.number[:2]} if fault.country else set()
        settle(check, answer, by=by, at=at)
        return 1
    return 0


@transaction.atomic
def by_form(check: VatCheck, at: datetime) -> None:
    """A number that VIES need not or cannot be asked about."""
    customer = lock_customer_of(check)
    row = VatCheck.objects.locked().get(pk=check.pk)
    if row.state != VatCheckState.PENDING:
        return
    reading = read_number(customer.tax_id, customer.country)
    if not reading.fault:
        without_answer(customer, row, "not_covered", by=vat_override.SYSTEM, at=at)
        return
    row.state, row.source, row.reason = (
        VatCheckState.INVALID.value,
        VatCheckSource.OFFLINE.value,
        reading.fault,
    )
    row.answered_at, row.next_at, row.fault = at, None, ""
    row.save()
    conclude(customer, row, VatStatus.INVALID, by=vat_override.SYSTEM, at=at)


def put_off(check: VatCheck, until: datetime, code: str) -> None:
    """Tried again then, if it still waits. This is no attempt."""
    VatCheck.objects.filter(pk=check.pk, state=VatCheckState.PENDING.value).update(next_at=until, fault=code)
