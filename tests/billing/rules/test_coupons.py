"""Coupons: order, limits and endings by hand; sums by property."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.coupons import (
    Coupon,
    CouponKind,
    CouponLine,
    Frequency,
    apply_coupon,
    apply_coupons,
    in_order,
)

FIXED, PERCENT = CouponKind.FIXED, CouponKind.PERCENTAGE
ONCE, RECURRING, FOREVER = Frequency.ONCE, Frequency.RECURRING, Frequency.FOREVER


def fixed(amount: int, frequency: Frequency = ONCE, **more: object) -> Coupon:
    return Coupon("f", FIXED, frequency, amount, "EUR", **more)  # type: ignore[arg-type]


def percent(rate: str, frequency: Frequency = ONCE, **more: object) -> Coupon:
    return Coupon("p", PERCENT, frequency, rate=Decimal(rate), **more)  # type: ignore[arg-type]


def lines(*amounts: str) -> list[CouponLine]:
    return [
        CouponLine(Decimal(amount), plan_id=f"plan{i}", metric_id=f"m{i}") for i, amount in enumerate(amounts)
    ]


def test_limited_coupons_come_first() -> None:
    everything, plan, metric = (
        fixed(1),
        fixed(2, plan_ids=frozenset("p")),
        fixed(3, metric_ids=frozenset("m")),
    )
    assert in_order([everything, plan, metric]) == [metric, plan, everything]


def test_percentages_compound() -> None:
    credits = apply_coupons([percent("15"), percent("20")], lines("100"), "EUR")
    assert [credit.minor for credit in credits] == [15, 17]


def test_a_limited_coupon_touches_only_its_lines() -> None:
    (credit,) = apply_coupons([percent("50", plan_ids=frozenset({"plan1"}))], lines("100", "30"), "EUR")
    assert (credit.minor, credit.shares) == (15, (0, 15))
    (credit,) = apply_coupons([fixed(99, metric_ids=frozenset({"m0"}))], lines("40", "30"), "EUR")
    assert (credit.minor, credit.shares, credit.amount_left_minor) == (40, (40, 0), 59)


def test_other_currency_is_ignored() -> None:
    assert apply_coupons([fixed(10)], lines("100"), "USD") == ()
    assert apply_coupons([percent("10")], lines("100"), "USD")[0].minor == 10


def test_nothing_to_take() -> None:
    assert apply_coupons([fixed(10), percent("10")], lines("0"), "EUR") == ()
    credits = apply_coupons([fixed(100), fixed(5)], lines("60", "40"), "EUR")
    assert [credit.minor for credit in credits] == [100]


@pytest.mark.parametrize(
    ("coupon", "left", "uses", "ended"),
    [
        (fixed(150), 50, None, False),
        (fixed(100), 0, None, True),
        (fixed(30), 0, None, True),
        (percent("5"), 0, None, True),
        (fixed(150, RECURRING, uses_left=2), 150, 1, False),
        (fixed(150, RECURRING, uses_left=1), 150, 0, True),
        (percent("5", RECURRING, uses_left=3), 0, 2, False),
        (fixed(150, FOREVER), 150, None, False),
    ],
)
def test_what_is_left_of_a_coupon(coupon: Coupon, left: int, uses: int | None, ended: bool) -> None:
    credit = apply_coupon(coupon, lines("100"))
    assert credit is not None
    assert (credit.amount_left_minor, credit.uses_left, credit.terminated) == (left, uses, ended)


COUPONS = st.lists(
    st.one_of(
        st.builds(fixed, st.integers(1, 5000), st.sampled_from(Frequency)),
        st.builds(percent, st.sampled_from(["0.01", "12.5", "33.33333", "100"]), st.sampled_from(Frequency)),
        st.builds(
            lambda rate: percent(rate, plan_ids=frozenset({"plan0", "plan2"})), st.sampled_from(["10", "99"])
        ),
        st.builds(lambda amount: fixed(amount, metric_ids=frozenset({"m1"})), st.integers(1, 900)),
    ),
    max_size=5,
)


@given(COUPONS, st.lists(st.integers(0, 3000), max_size=5))
def test_credits_add_up_and_never_exceed_a_line(coupons: list[Coupon], amounts: list[int]) -> None:
    credits = apply_coupons(coupons, lines(*map(str, amounts)), "EUR")
    for credit in credits:
        assert credit.minor > 0
        assert sum(credit.shares) == credit.minor
        assert all(share >= 0 for share in credit.shares)
    for i, amount in enumerate(amounts):
        assert sum(credit.shares[i] for credit in credits) <= amount
    assert sum(credit.minor for credit in credits) <= sum(amounts)
