"""Credit for unused days: by property, beyond the published cases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.rules.periods import Period
from invoicing.rules.termination import OnTermination, TerminationFacts, termination_credit

OCTOBER = Period(datetime(2022, 10, 1, tzinfo=UTC), datetime(2022, 11, 1, tzinfo=UTC))
FACTS = TerminationFacts(
    plan_amount_minor=3100,
    fee_minor=3100,
    period=OCTOBER,
    terminated_at=datetime(2022, 10, 15, 10, tzinfo=UTC),
    tz="UTC",
    tax_rate=Decimal(20),
    invoice_total_minor=3720,
)


def test_the_upgrade_day_belongs_to_the_new_plan() -> None:
    ended = termination_credit(FACTS, OnTermination.CREDIT)
    upgraded = termination_credit(replace(FACTS, upgraded=True), OnTermination.CREDIT)
    assert ended is not None
    assert upgraded is not None
    assert (ended.unused_days, ended.sub_total_minor, ended.tax_minor) == (16, 1600, 320)
    assert (upgraded.unused_days, upgraded.total_minor) == (17, 2040)


def test_nothing_to_give_back() -> None:
    last_day = replace(FACTS, terminated_at=datetime(2022, 10, 31, 23, tzinfo=UTC))
    credited = replace(FACTS, already_credited_minor=3100)
    free = replace(FACTS, fee_minor=0)
    for facts in (last_day, credited, free):
        assert termination_credit(facts, OnTermination.CREDIT) is None
    assert termination_credit(FACTS, OnTermination.SKIP) is None


def test_coupons_are_taken_back_in_proportion() -> None:
    half_price = replace(FACTS, fee_coupons=Decimal(1550), invoice_total_minor=1860, invoice_paid_minor=1860)
    note = termination_credit(half_price, OnTermination.REFUND)
    assert note is not None
    assert (note.item_exact, note.sub_total_minor, note.tax_minor) == (1600, 800, 160)
    assert (note.refund_minor, note.credit_minor) == (960, 0)


def test_the_item_never_exceeds_what_is_left_of_the_fee() -> None:
    note = termination_credit(replace(FACTS, fee_minor=500), OnTermination.CREDIT)
    assert note is not None
    assert note.sub_total_minor == 500


@given(
    st.integers(1, 10**6),
    st.timedeltas(timedelta(0), timedelta(days=30, hours=23)),
    st.sampled_from(["0", "7.775", "20"]).map(Decimal),
    st.decimals(0, 1, places=2),
    st.decimals(0, 1, places=2),
    st.sampled_from([OnTermination.CREDIT, OnTermination.REFUND, OnTermination.OFFSET]),
)
def test_the_parts_make_the_note(
    amount: int, after: timedelta, rate: Decimal, coupons: Decimal, paid: Decimal, mode: OnTermination
) -> None:
    total = int((amount - int(amount * coupons)) * (1 + rate / 100))
    facts = replace(
        FACTS,
        plan_amount_minor=amount,
        fee_minor=amount,
        fee_coupons=Decimal(int(amount * coupons)),
        terminated_at=OCTOBER.start + after,
        tax_rate=rate,
        invoice_total_minor=total,
        invoice_paid_minor=int(total * paid),
    )
    note = termination_credit(facts, mode)
    if note is None:
        return
    parts = (note.credit_minor, note.refund_minor, note.offset_minor)
    assert sum(parts) == note.total_minor > 0
    assert all(part >= 0 for part in parts)
    assert note.sub_total_minor <= amount
    assert note.refund_minor <= facts.invoice_paid_minor + 1
    if mode == OnTermination.CREDIT:
        assert note.credit_minor == note.total_minor
