"""The curve of a price: hand-checked points, and the jump where a tier begins."""

from __future__ import annotations

from decimal import Decimal

from billing.queries.charge_preview import curve, work_out

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
