"""Fixed charges through a life with one change of plan: what each invoice asks for, and for which window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.rules.charges.base import Usage
from billing.rules.charges.registry import price
from billing.rules.fixed_charges import UnitsEvent, less_paid, paid_before_minor, units_at, units_prorated
from billing.rules.money import to_minor
from billing.rules.periods import BillingTime, Interval, Period, days_in, local_date
from billing.rules.proration import SubscriptionFeeFacts, subscription_fee
from billing.rules.windows import Schedule, billing_windows, running_windows
from tests.cases.charges import camel
from tests.cases.comparing import Answers, End, Start, Unordered
from tests.cases.given import Given, moment
from tests.cases.registry import area


@dataclass(frozen=True)
class Fixed:
    """One fixed charge of a plan."""

    id: str
    model: str
    properties: dict[str, Any]
    units: Decimal


@dataclass(frozen=True)
class Life:
    """One plan of a subscription, from its start to its end."""

    schedule: Schedule
    amount_minor: int
    charges: tuple[Fixed, ...]


def life_of(given: Given, start: datetime, anchor: datetime, billing_time: str) -> Life:
    plan = given.part("plan").ignore("currency")
    charges = [
        Fixed(
            row["id"],
            row.get("charge_model", "standard"),
            camel(row.get("properties", {"amount": str(row.get("amount", "0"))})),
            row.number("units", 1),
        )
        for row in given.rows("fixed_charges")
    ]
    schedule = Schedule(
        interval=Interval(plan["interval"]),
        billing_time=BillingTime(billing_time),
        anchor=anchor,
        tz=given.get("timezone", "UTC"),
        pay_in_advance=plan["pay_in_advance"],
        started_at=start,
        fixed_monthly=plan.get("bill_fixed_charges_monthly", False),
    )
    return Life(schedule, int(plan["amount_cents"]), tuple(charges))


@dataclass
class Book:
    """What invoices ask for: amounts and the window by day."""

    prorated: bool
    fees: dict[str, list[int]]
    windows: dict[str, Period]
    paid: dict[str, tuple[int, int]]  # by charge: the last fee in advance, and the days it covered

    def bill(
        self, life: Life, on: datetime, window: Period | None, full: Period, *, taking_over: bool = False
    ) -> None:
        """The fixed charges of a window on the invoice of a day."""
        if window is None:
            return
        tz = life.schedule.tz
        day = local_date(on, tz).isoformat()
        duration, left = days_in(full, tz), days_in(window, tz)
        self.windows[day] = window
        for charge in life.charges:
            events = [UnitsEvent(charge.units, life.schedule.started_at)]
            units = full_units = units_at(events, window.end)
            if self.prorated:
                units = units_prorated(events, window, duration, tz)
            usage = Usage(units, full_units=full_units if self.prorated else None)
            minor = to_minor(price(charge.model, charge.properties, usage).total, "EUR")
            if taking_over and self.prorated and charge.id in self.paid:
                minor = less_paid(minor, paid_before_minor(*self.paid[charge.id], left))
            self.paid[charge.id] = (minor, left)
            self.fees.setdefault(day, []).append(minor)


@area("fixed_charge.scenario")
def scenario(given: Given) -> Answers:
    """Two plans one after the other, billed at given moments."""
    initial = given.part("initial")
    created, time = initial.moment("created_at"), initial.get("billing_time", "calendar")
    old = life_of(initial, created, created, time)
    change = next((name for name in ("upgrade", "downgrade") if name in given), "")
    takes_over: datetime | None = None
    new: Life | None = None
    if change:
        asked = given.part(change).moment("at")
        takes_over = asked if change == "upgrade" else old.schedule.period_at(asked).end
        new = life_of(given.part(change), takes_over, created, time)
        old = replace(old, schedule=replace(old.schedule, ended_at=takes_over))
    in_advance = given.get("fixed_charges_pay_in_advance", False)
    book = Book(given.get("fixed_charges_prorated", False), {}, {}, {})
    runs = sorted({moment(text) for text in given["billing_at"]} | ({created, takes_over} - {None}))  # type: ignore[type-var]
    for at in runs:
        for life in (old, new):
            if life is None or at < life.schedule.started_at:
                continue
            if in_advance:
                bill_ahead(
                    book, life, at, taking_over=life is new and change == "upgrade" and at == takes_over
                )
            else:
                bill_behind(book, life, at)
    answers: Answers = {
        "fixed_fees_amount_cents": {day: Unordered(minor) for day, minor in book.fees.items()},
        "windows": {day: [Start(one.start), End(one.end)] for day, one in book.windows.items()},
    }
    if change == "upgrade" and takes_over:
        answers["old_subscription_fee_amount_cents"] = closing_fee(old, takes_over)
    return answers


def bill_ahead(book: Book, life: Life, at: datetime, *, taking_over: bool) -> None:
    """The window that begins: at the start, and with each period while it lasts."""
    ended = life.schedule.ended_at
    if ended is not None and at >= ended:
        return
    found = running_windows(replace(life.schedule, ended_at=None), at)
    if found.fixed is not None and at in (found.fixed.start, life.schedule.started_at):
        book.bill(life, at, found.fixed, found.fixed_full, taking_over=taking_over)


def bill_behind(book: Book, life: Life, at: datetime) -> None:
    """The window that has ended: with each period, and at the end of the plan."""
    ended = life.schedule.ended_at
    if ended is not None and at > ended:
        return
    found = billing_windows(life.schedule, at)
    running = life.schedule.fixed_period_at(at)
    if found.fixed_due and at in (running.start, ended):
        book.bill(life, at, found.fixed, found.fixed_full)


def closing_fee(life: Life, ended: datetime) -> int:
    """The fee in arrears of a plan that another one has taken over: its days without the last."""
    schedule = life.schedule
    found = billing_windows(schedule, ended + timedelta(seconds=1))
    if found.fee is None or schedule.pay_in_advance:
        return 0
    facts = SubscriptionFeeFacts(
        amount_minor=life.amount_minor,
        pay_in_advance=False,
        billing_time=schedule.billing_time,
        window=found.fee,
        full=found.fee_full,
        tz=schedule.tz,
        started_at=schedule.started_at,
        terminated=True,
        upgraded=True,
        has_next=True,
    )
    return subscription_fee(facts).amount_minor
