"""Ongoing balances by hand and by property."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.rules.ongoing import Ongoing, ongoing
from billing.rules.wallets import Bucket, WalletFacts, may_pay, spread

METRICS = ("storage", "seats", "api")


def wallet(name: str, balance: int, *metrics: str, priority: int = 50) -> WalletFacts:
    return WalletFacts(name, balance, priority, metric_ids=frozenset(metrics))


def usage(**amounts: int) -> list[Bucket]:
    return [Bucket(Decimal(minor), "charge", metric) for metric, minor in amounts.items()]


def figures(found: list[Ongoing]) -> dict[str, tuple[int, int]]:
    return {one.wallet_id: (one.usage_minor, one.balance_minor) for one in found}


def test_the_last_wallet_sees_what_is_missing() -> None:
    wallets = [wallet("w1", 1000, "storage", "seats"), wallet("w2", 2000, "seats")]
    found = ongoing(wallets, usage(storage=1000, seats=3000))
    assert figures(found) == {"w1": (2000, -1000), "w2": (2000, 0)}
    assert [one.depleted for one in found] == [True, True]


def test_priority_decides_and_the_answer_keeps_the_order() -> None:
    wallets = [wallet("late", 500, priority=9), wallet("first", 300, priority=1)]
    assert figures(ongoing(wallets, usage(api=400))) == {"late": (100, 400), "first": (300, 0)}


def test_a_wallet_that_tops_itself_up_takes_all() -> None:
    wallets = [wallet("first", 300, priority=1), wallet("late", 500, priority=9)]
    found = ongoing(wallets, usage(api=400), take_all={"first"})
    assert figures(found) == {"first": (400, -100), "late": (0, 500)}


def test_nobodys_usage_is_nobodys() -> None:
    assert figures(ongoing([wallet("w", 100, "seats")], usage(api=400))) == {"w": (0, 100)}
    assert ongoing([], usage(api=400)) == []


def test_parts_of_a_cent_are_rounded_once() -> None:
    parts = [Bucket(Decimal("0.4"), "charge", metric) for metric in METRICS]
    assert figures(ongoing([wallet("w", 100)], parts)) == {"w": (1, 99)}


def test_in_credits() -> None:
    assert Ongoing("w", 1100, 21900).credits(Decimal(10), "EUR") == (Decimal("21.9"), Decimal("1.1"))


WALLETS = st.lists(
    st.tuples(st.integers(0, 500), st.integers(1, 3), st.sets(st.sampled_from(METRICS))), max_size=5
).map(
    lambda rows: [
        wallet(str(i), balance, *metrics, priority=priority)
        for i, (balance, priority, metrics) in enumerate(rows)
    ]
)
USAGE = st.dictionaries(st.sampled_from(METRICS), st.integers(0, 900)).map(lambda found: usage(**found))


@given(WALLETS, USAGE)
def test_all_usage_that_somebody_may_pay_is_taken_once(
    wallets: list[WalletFacts], used: list[Bucket]
) -> None:
    found = ongoing(wallets, used)
    payable = sum(int(part.cap) for part in used if any(may_pay(one, part) for one in wallets))
    assert sum(one.usage_minor for one in found) == payable
    assert [one.balance_minor + one.usage_minor for one in found] == [one.balance_minor for one in wallets]


@given(WALLETS, USAGE)
def test_as_an_invoice_would_while_there_is_enough(wallets: list[WalletFacts], used: list[Bucket]) -> None:
    found = ongoing(wallets, used)
    if all(one.balance_minor >= 0 for one in found):
        due = sum(int(part.cap) for part in used)
        paid = dict(spread(wallets, due, used))
        assert {one.wallet_id: one.usage_minor for one in found if one.usage_minor} == paid
