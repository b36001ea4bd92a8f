"""The curve of a price: hand-checked points, and the jump where a tier begins."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.queries.charge_preview import curve, work_out, work_out_events
from billing.queries.usage import current_usage
from tests.factories.usage import AT, make_metered, use

VOLUME = {
    "volumeRanges": [
        {"fromValue": 0, "toValue": 100, "perUnitAmount": "1", "flatAmount": "0"},
        {"fromValue": 101, "toValue": None, "perUnitAmount": "0.50", "flatAmount": "10"},
    ]
}


def test_a_volume_price_falls_where_its_tier_begins() -> None:
    """100 units cost 100.00; 101 cost 101 x 0.50 + 10.00 = 60.50; 200 cost 110.00."""
    points = dict(
        curve("volume", VOLUME, currency="EUR", units=Decimal(200), edges=[Decimal(0), Decimal(101)])
    )
    assert (points[Decimal(0)], points[Decimal(100)], points[Decimal(101)], points[Decimal(200)]) == (
        0,
        10000,
        6050,
        11000,
    )


def test_every_point_is_what_the_rule_bills() -> None:
    package = {"amount": "5", "packageSize": 10, "freeUnits": 3}
    points = curve("package", package, currency="EUR", units=Decimal("7.5"))
    assert [units for units, _ in points] == sorted({units for units, _ in points})
    assert points[-1][0] == Decimal("7.5")
    for units, minor in points:
        assert work_out("package", package, currency="EUR", units=units).amount_minor == minor


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["sum", "count", "max", "latest", "unique_count"])
def test_tried_events_cost_what_the_same_events_cost_when_they_count(kind: str) -> None:
    """Standard at 0.10: the example and the current usage agree, event by event."""
    subscription, [metric] = make_metered([kind])
    values = ["5", "x1", "2.5", "5", "-1", ""]
    for value in values:
        use(subscription, metric, value, at=AT)
    example, tried = work_out_events(
        "standard",
        {"amount": "0.10"},
        currency="EUR",
        metric=metric,
        events=[{"value": value} for value in values],
        at=AT,
    )
    [charge] = current_usage(subscription, AT).charges
    assert (example.units, example.amount_minor) == (charge.units, charge.amount_minor)
    assert tried.events_count == charge.events_count
