"""Wallets: worth of credits, order of spending, and that nothing is spent twice."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.errors import Conflict, Invalid
from billing.rules.money import allocate_minor, from_minor, to_minor
from billing.rules.wallets import (
    Bucket,
    Credits,
    InboundEntry,
    Share,
    WalletFacts,
    consume,
    credits_in,
    credits_voided,
    minor_to_credits,
    paired,
    shares,
    spread,
)

RATES = st.sampled_from(["1", "0.001", "0.3", "2.5", "100"]).map(Decimal)
CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD"])


def test_credits_by_hand() -> None:
    assert credits_in(Decimal(1034), Decimal("0.001"), "EUR") == Credits(Decimal(1030), 103)
    assert credits_voided(Decimal(1034), Decimal("0.001"), "EUR") == Credits(Decimal(1034), 103)
    assert credits_voided(Decimal("14.28444999"), Decimal(1), "EUR") == Credits(Decimal("14.28444"), 1428)
    assert minor_to_credits(100, Decimal("0.3"), "EUR") == Decimal("3.33333")


@pytest.mark.parametrize(
    ("credits", "rate", "code"),
    [
        ("0.004", "1", "amount_rounds_to_zero"),
        ("0.000009", "1000", "amount_rounds_to_zero"),
        ("0", "1", "invalid_credits"),
        ("-1", "1", "invalid_credits"),
        ("NaN", "1", "invalid_credits"),
        ("Infinity", "1", "invalid_credits"),
        ("1E+25", "1", "invalid_credits"),
        ("1", "0", "invalid_rate"),
    ],
)
def test_credits_refused(credits: str, rate: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        credits_in(Decimal(credits), Decimal(rate), "EUR")
    assert refused.value.code == code


@given(st.decimals("0.1", 10**6, places=7), RATES, CURRENCIES)
def test_booked_credits_are_worth_their_money(typed: Decimal, rate: Decimal, currency: str) -> None:
    try:
        booked = credits_in(typed, rate, currency)
    except Invalid as refused:
        assert refused.code == "amount_rounds_to_zero"
        return
    assert booked.minor > 0
    # Five decimals of credits can be off by half a step of the rate, never more.
    worth = from_minor(booked.minor, currency)
    assert abs(booked.credits * rate - worth) <= rate * Decimal("0.000005")
    assert booked.minor == to_minor(
        typed.quantize(Decimal("0.00001"), rounding="ROUND_DOWN") * rate, currency
    )


def test_spread_by_priority_then_age() -> None:
    wallets = [WalletFacts("a", 500, 2), WalletFacts("b", 300, 1), WalletFacts("c", 900, 2)]
    assert spread(wallets, 700) == [("b", 300), ("a", 400)]
    assert spread(wallets, 1000) == [("b", 300), ("a", 500), ("c", 200)]
    assert spread(wallets, 0) == spread([], 700) == spread([WalletFacts("x", 0)], 700) == []


def test_limited_wallets_pay_only_their_part() -> None:
    buckets = [Bucket(Decimal(600), "subscription"), Bucket(Decimal(400), "charge", "api")]
    calls = WalletFacts("calls", 1000, 1, metric_ids=frozenset({"api"}))
    fees = WalletFacts("fees", 100, 2, fee_types=frozenset({"subscription"}))
    rest = WalletFacts("rest", 9000, 3)
    assert spread([rest, fees, calls], 1000, buckets) == [("calls", 400), ("fees", 100), ("rest", 500)]
    assert spread([calls], 1000) == []


def test_shares_name_the_lines_that_they_pay() -> None:
    """Of 1000 due: line 0 asks for 600, lines 1 and 2 for 100 and 300 of the calls. The first wallet pays all of line
    1 and 50 of line 2, the second what is left of the largest part first.
    """
    fees = Bucket(Decimal(600), "subscription", None, ((0, Decimal(600)),))
    calls = Bucket(Decimal(400), "charge", "api", ((1, Decimal(100)), (2, Decimal(300))))
    wallets = [WalletFacts("calls", 150, 1, metric_ids=frozenset({"api"})), WalletFacts("rest", 700, 2)]
    assert shares(wallets, 1000, [fees, calls]) == [
        Share("calls", 150, ((1, 100), (2, 50))),
        Share("rest", 700, ((0, 600), (2, 100))),
    ]
    lots = [("old", 120), ("new", 30)]
    assert paired(lots, [(1, 100), (2, 50)]) == [("old", 1, 100), ("old", 2, 20), ("new", 2, 30)]


WALLETS = st.lists(
    st.builds(
        WalletFacts,
        id=st.uuids().map(str),
        balance_minor=st.integers(0, 5000),
        priority=st.integers(1, 4),
        metric_ids=st.sampled_from([frozenset(), frozenset({"m"}), frozenset({"other"})]),
    ),
    max_size=6,
)
BUCKETS = st.lists(
    st.builds(
        Bucket, st.decimals(0, 3000, places=3), st.just("charge"), st.sampled_from(["m", "other", None])
    ),
    min_size=1,
    max_size=4,
)


@given(WALLETS, BUCKETS, st.integers(0, 9000))
def test_nobody_pays_more_than_they_have_or_owe(
    wallets: list[WalletFacts], buckets: list[Bucket], due: int
) -> None:
    halves = [
        replace(part, lines=((2 * place, part.cap / 2), (2 * place + 1, part.cap / 2)))
        for place, part in enumerate(buckets)
    ]
    found = shares(wallets, due, halves)
    paid = {share.wallet_id: share.minor for share in found}
    assert paid == dict(spread(wallets, due, buckets))
    assert all(sum(minor for _, minor in share.lines) == share.minor for share in found)
    lines: Counter[int | None] = Counter()
    for share in found:
        lines.update(dict(share.lines))
    asked = allocate_minor(due, [part.cap for part in buckets])
    for place, minor in enumerate(asked):
        assert lines[2 * place] <= minor - minor // 2 and lines[2 * place + 1] <= minor // 2
    assert sum(paid.values()) <= due
    assert all(0 < minor <= w.balance_minor for w in wallets if (minor := paid.get(w.id)))
    free = sum(w.balance_minor for w in wallets if not w.limited)
    assert sum(paid.values()) >= min(due, free)


def test_consume_by_priority_granted_then_age() -> None:
    entries = [
        InboundEntry("bought", 100, granted=False, priority=1),
        InboundEntry("given", 100, granted=True, priority=1),
        InboundEntry("late", 100, granted=True),
        InboundEntry("later", 100, granted=True),
    ]
    assert consume(entries, 250) == [("given", 100), ("bought", 100), ("late", 50)]
    assert consume(entries, 0) == []
    with pytest.raises(Conflict) as refused:
        consume(entries, 401)
    assert refused.value.code == "insufficient_credits"
