"""Usage of the demo: events as a client's systems would send them, with a weekly rhythm."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.models import Subscription
from billing.rules.events import IncomingEvent

WEEKEND = 5


def properties_of(code: str, dice: random.Random, size: int) -> dict[str, Any]:
    """The properties of one event of a metric; `size` 1 to 5 is how big the customer is."""
    if code == "messages":
        return {"count": dice.randrange(5, 60 * size), "channel": dice.choice(["sms", "email", "push"])}
    if code == "storage_gb":
        return {"gb": str(Decimal(dice.randrange(100, 3000 * size)) / 10)}
    if code == "active_users":
        return {"user_id": f"u{dice.randrange(12 * size)}"}
    if code == "seats":
        return {"seats": dice.randrange(2 * size, 2 * size + 4)}
    if code == "transfer_gb":
        return {"gb": str(Decimal(dice.randrange(10, 900 * size)) / 100), "region": dice.choice(["us", "ca"])}
    if code == "payment_volume":
        return {"amount": dice.randrange(10, 400 * size) * 1000}
    return {"endpoint": dice.choice(["/search", "/export", "/sync", "/render"])}


def events_of(
    subscription: Subscription,
    codes: list[str],
    start: datetime,
    end: datetime,
    count: int,
    dice: random.Random,
) -> Iterator[IncomingEvent]:
    """About `count` events in [start, end) over the plan's metrics, fewer on weekends."""
    size = 1 + int(subscription.pk.hex[-1], 16) % 5
    span = int((end - start).total_seconds())
    if span <= 0 or not codes:
        return
    for number in range(count):
        moment = start + timedelta(seconds=dice.randrange(span), milliseconds=dice.randrange(1000))
        if moment.weekday() >= WEEKEND and dice.random() < 0.5:
            moment = max(start, moment - timedelta(days=2))
        code = codes[number % len(codes)]
        yield IncomingEvent(
            transaction_id=f"{subscription.external_id}-{start:%Y%m}-{number}",
            subscription=subscription.external_id,
            code=code,
            timestamp=moment,
            properties=properties_of(code, dice, size),
        )
