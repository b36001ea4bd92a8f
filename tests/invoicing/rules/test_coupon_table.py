"""Every rule of coupons in one table: what each takes off, its shares by line, tax, total and what is left of
it. Each row is worked by hand in its comment, in minor units. Tax is 20 % unless a line says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from billing.rules.coupons import Coupon, CouponKind, Frequency
from billing.rules.tax import Tax
from invoicing.rules.lines import Line, LineFacts, LineKind
from invoicing.rules.totals import compute_totals


def line(
    minor: int, plan: str | None = None, metric: str | None = None, *, tax: int = 20, billed: int = 0
) -> Line:
    facts = LineFacts("Line", "EUR", (Tax(str(tax), Decimal(tax)),), plan_id=plan, metric_id=metric)
    exact = Decimal(minor) / 100
    progressive = (("P-1", billed),) if billed else ()
    return Line(LineKind.CHARGE, facts, Decimal(1), exact, exact, minor, progressive=progressive)


def fixed(key: str, amount: int, how: str = "once", **more: Any) -> Coupon:
    return Coupon(key, CouponKind.FIXED, Frequency(how), amount, more.pop("currency", "EUR"), **limits(more))


def part(key: str, rate: str, how: str = "once", **more: Any) -> Coupon:
    return Coupon(key, CouponKind.PERCENTAGE, Frequency(how), rate=Decimal(rate), **limits(more))


def limits(more: dict[str, Any]) -> dict[str, Any]:
    """`plan="a b"` and `metric="m"` as the rule takes them; `uses` are those that are left."""
    found: dict[str, Any] = {"uses_left": more.pop("uses", None)}
    for name in ("plan", "metric"):
        if name in more:
            found[f"{name}_ids"] = frozenset(more.pop(name).split())
    assert not more
    return found


ON, OVER = False, True  # whether it lives on afterwards, or has ended
ROWS: dict[str, tuple[Sequence[Line], Sequence[Coupon], dict[str, tuple[Any, ...]], list[str], int, int]] = {
    # name: lines, coupons in the order they were given,
    #       {coupon: (credit, amount left, uses left, ended)} in the order they act, shares by line, tax, total
    # 15 % of 1003 = 150.45 -> 150; tax 20 % of 853 = 170.6 -> 171; 853 + 171.
    "a percentage once, rounded down": (
        [line(1003)], [part("p", "15")], {"p": (150, 0, None, OVER)}, ["150"], 171, 1024,
    ),
    # 12.5 % of 1004 = 125.5 -> 126; 878, tax 175.6 -> 176.
    "half a cent goes up": (
        [line(1004)], [part("p", "12.5")], {"p": (126, 0, None, OVER)}, ["126"], 176, 1054,
    ),
    # 10 % of 2000, third use of three; 1800, tax 360.
    "a percentage for a number of invoices, the last": (
        [line(2000)], [part("p", "10", "recurring", uses=1)], {"p": (200, 0, 0, OVER)}, ["200"], 360, 2160,
    ),
    # 10 % of 2000; it never ends.
    "a percentage forever": (
        [line(2000)], [part("p", "10", "forever")], {"p": (200, 0, None, ON)}, ["200"], 360, 2160,
    ),
    # 500 of 2000; used up. 1500, tax 300.
    "a fixed amount once": (
        [line(2000)], [fixed("f", 500)], {"f": (500, 0, None, OVER)}, ["500"], 300, 1800,
    ),
    # 5000 on 3000: 3000, and 2000 wait for the next invoice.
    "more than the invoice, once: the rest stays": (
        [line(3000)], [fixed("f", 5000)], {"f": (3000, 2000, None, ON)}, ["3000"], 0, 0,
    ),
    # 5000 on 3000: 3000; the use counts whole, the next invoice has 5000 again.
    "more than the invoice, for a number of invoices: the rest is lost": (
        [line(3000)], [fixed("f", 5000, "recurring", uses=2)], {"f": (3000, 5000, 1, ON)}, ["3000"], 0, 0,
    ),
    "more than the invoice, forever": (
        [line(3000)], [fixed("f", 5000, "forever")], {"f": (3000, 5000, None, ON)}, ["3000"], 0, 0,
    ),
    # 10 % of 1000 = 100, then 10 % of 900 = 90; 810, tax 162.
    "percentages compound": (
        [line(1000)],
        [part("a", "10"), part("b", "10")],
        {"a": (100, 0, None, OVER), "b": (90, 0, None, OVER)},
        ["190"],
        162,
        972,
    ),
    # 100, then 50 % of 900 = 450; 450, tax 90.
    "in the order they were given: fixed, then half": (
        [line(1000)],
        [fixed("f", 100), part("p", "50")],
        {"f": (100, 0, None, OVER), "p": (450, 0, None, OVER)},
        ["550"],
        90,
        540,
    ),
    # 50 % of 1000 = 500, then 100; 400, tax 80.
    "in the order they were given: half, then fixed": (
        [line(1000)],
        [part("p", "50"), fixed("f", 100)],
        {"p": (500, 0, None, OVER), "f": (100, 0, None, OVER)},
        ["600"],
        80,
        480,
    ),
    # Metric: 50 % of 400 + 200 = 300 (200 and 100). Plan a: 10 % of 1000 + 200 = 120 (100 and 20). All: 400 of
    # 1700 - 420 = 1280, by what is left of the lines: 900 / 1280 -> 281.25, 180 -> 56.25, 100 -> 31.25,
    # 100 -> 31.25. Left 880, tax 176.
    "metrics, then plans, then everything": (
        [line(1000, "a"), line(400, "a", "m"), line(200, "b", "m"), line(100)],
        [fixed("all", 400), part("plan", "10", plan="a"), part("metric", "50", metric="m")],
        {"metric": (300, 0, None, OVER), "plan": (120, 0, None, OVER), "all": (400, 0, None, OVER)},
        ["381.25", "276.25", "131.25", "31.25"],
        176,
        1056,
    ),
    # 900 on the 600 of metric m and n: 600, 300 stay. Fee and metric o are untouched: 1050, tax 210.
    "limited to metrics, more than they cost": (
        [line(1000, "a"), line(400, "a", "m"), line(200, "b", "n"), line(50, "b", "o")],
        [fixed("f", 900, metric="m n")],
        {"f": (600, 300, None, ON)},
        ["0", "400", "200", "0"],
        210,
        1260,
    ),
    # 25 % of (1000 + 400) = 350: 250 and 100. Left 1250, tax 250.
    "limited to plans: fee and usage": (
        [line(1000, "a"), line(400, "a", "m"), line(200, "b", "m")],
        [part("p", "25", plan="a c")],
        {"p": (350, 0, None, OVER)},
        ["250", "100", "0"],
        250,
        1500,
    ),
    # Nothing of plan c: no credit, no use. 1000, tax 200.
    "limited to what is not on the invoice: no use is counted": (
        [line(1000, "a")], [part("p", "25", "recurring", uses=2, plan="c")], {}, ["0"], 200, 1200,
    ),
    # Shares of 100 on 100 and 200: 33.33333 and 66.66667. Tax 20 % of 66.66667 + 133.33333 = 40.
    "a share has five decimals, all together the credit": (
        [line(100), line(200)], [fixed("f", 100)], {"f": (100, 0, None, OVER)}, ["33.33333", "66.66667"], 40, 240,
    ),
    # 300 over 1000 and 500: 200 and 100. Tax 20 % of 800 = 160, 10 % of 400 = 40.
    "each tax is on what the coupon left of its lines": (
        [line(1000), line(500, tax=10)], [fixed("f", 300)], {"f": (300, 0, None, OVER)}, ["200", "100"], 200, 1400,
    ),
    # m: 100 over three lines of 100: 33.33334, 33.33333, 33.33333. Plan b at 100 % of 66.66667 is 67, but never
    # more than is there: 66. Left 134, tax 26.8 -> 27.
    "rounding up never takes more than there is": (
        [line(100, "a", "m"), line(100, "a", "m"), line(100, "b", "m")],
        [part("b", "100", plan="b"), fixed("m", 100, metric="m")],
        {"m": (100, 0, None, OVER), "b": (66, 0, None, OVER)},
        ["33.33334", "33.33333", "99.33333"],
        27,
        161,
    ),
    # 500 of another currency waits, 10 % has none: 100; 900, tax 180.
    "a fixed amount in another currency waits, a percentage does not": (
        [line(1000)],
        [fixed("f", 500, currency="USD"), part("p", "10")],
        {"p": (100, 0, None, OVER)},
        ["100"],
        180,
        1080,
    ),
    # The first takes all; for the second nothing is left, no use is counted.
    "at nothing it stops": (
        [line(1000)],
        [part("p", "100"), fixed("f", 500, "recurring", uses=2)],
        {"p": (1000, 0, None, OVER)},
        ["1000"],
        0,
        0,
    ),
    "an invoice of nothing uses none": ([line(0)], [part("p", "10"), fixed("f", 500)], {}, ["0"], 0, 0),
    # 3000 of which 2000 are billed already, and a fee of 500: 10 % of 1000 + 500 = 150 (100 and 50). 1350, tax 270.
    "what progressive invoices have billed comes first": (
        [line(3000, "a", "m", billed=2000), line(500, "a")],
        [part("p", "10", "forever")],
        {"p": (150, 0, None, ON)},
        ["100", "50"],
        270,
        1620,
    ),
    # All usage is billed already: the coupon for it has nothing to act on and keeps its use. 500, tax 100.
    "limited to usage that is billed already": (
        [line(3000, "a", "m", billed=3000), line(500, "a")],
        [part("p", "10", metric="m")],
        {},
        ["0", "0"],
        100,
        600,
    ),
    # A coupon used for a part before: 2000 of 5000 are left; 1200 of it on 1200.
    "what an earlier invoice left": (
        [line(1200)], [fixed("f", 2000)], {"f": (1200, 800, None, ON)}, ["1200"], 0, 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_by_hand(name: str) -> None:
    lines, coupons, credits, shares, tax, total = ROWS[name]
    totals = compute_totals(lines, coupons, currency="EUR")
    found = {
        row.coupon_id: (row.minor, row.amount_left_minor, row.uses_left, row.terminated)
        for row in totals.coupons
    }
    assert (list(found), found) == (list(credits), credits)
    assert [row.coupons for row in totals.lines] == [Decimal(text) for text in shares]
    assert (totals.tax_minor, totals.total_minor) == (tax, total)
