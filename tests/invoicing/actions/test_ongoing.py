"""Ongoing balances by hand: 0.10 a unit, 20 percent tax, a fee of 31.00 a month in arrears; thresholds on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.actions.alerts import AlertTerms, save_alert
from billing.actions.coupons import apply_coupon
from billing.actions.top_up_schedules import ScheduleTerms, set_schedule
from billing.actions.wallet_terms import edit_wallet, terms_of
from billing.actions.wallets import grant
from billing.models import AlertCrossing, AuditEntry, EmittedEvent, Job, Wallet, WalletActivity, WalletEntry
from billing.rules.errors import FieldErrors
from billing.rules.periods import Interval
from billing.rules.top_up_rules import Method
from customers.actions.clock_moves import carry_out, move_clock
from invoicing.actions import billing_run, ongoing
from invoicing.actions.payments import record_payment
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice
from tests.factories.catalog import charge, make_coupon, make_metric
from tests.factories.invoicing import billed_customer, default_tax, make_plan, make_wallet, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db
START = on(2026, 3, 1)
AT = on(2026, 3, 10, 12)
DO: dict[str, Any] = {"by": ACTOR, "at": AT}
RULE = ScheduleTerms(None, Method.FIXED, START, paid_credits=Decimal(50), threshold_credits=Decimal(10))


class Story:
    """A customer with a metered subscription and a wallet, and what the worker does."""

    def __init__(self, credits: str = "100", *, sandbox: bool = False, **fields: Any) -> None:
        self.organization = make_organization(sandbox=sandbox, at=START)
        if sandbox:
            self.organization.clock_at = AT
            self.organization.save()
        default_tax(self.organization)
        self.metric = make_metric(self.organization)
        self.plan = make_plan(self.organization, 3100, charge(self.metric))
        self.customer = billed_customer(self.organization, **fields)
        self.subscription = subscribe(self.customer, self.plan, START)
        self.wallet = make_wallet(self.customer, credits, START)
        ongoing.run(at=START)

    def use(self, units: int, at: datetime = AT) -> None:
        use(self.subscription, self.metric, units, at=at)

    def look(self, at: datetime = AT) -> tuple[int, int, bool]:
        """(usage, ongoing balance, depleted) after the worker's look."""
        ongoing.run(at=at)
        self.wallet.refresh_from_db()
        return self.wallet.ongoing_usage_minor, self.wallet.ongoing_balance_minor, self.wallet.depleted

    def rule(self, **terms: Any) -> None:
        self.schedule = set_schedule(self.wallet, replace(RULE, **terms), **DO)

    def bought(self) -> list[int]:
        rows = Invoice.objects.filter(wallet=self.wallet).order_by("created_at")
        return list(rows.values_list("total_minor", flat=True))


def names(story: Story) -> list[str]:
    rows = EmittedEvent.objects.filter(organization=story.organization, name="wallet.depleted")
    return list(rows.values_list("name", flat=True))


def test_usage_weighs_on_the_balance_until_an_invoice_takes_it() -> None:
    """100.00 held. 500 units: 50.00 and 10.00 tax. Billed with the fee: 97.20 of it taken, nothing ongoing."""
    story = Story()
    assert story.look() == (0, 10000, False)
    assert not WalletActivity.objects.exists()
    story.use(500)
    assert story.look() == (6000, 4000, False)
    assert ongoing.run(at=AT) == 0
    story.use(334)  # 83.40 and 16.68 tax: 100.08 altogether
    assert story.look() == (10008, -8, True)
    assert names(story) == ["wallet.depleted"]
    story.use(1)
    assert story.look() == (10020, -20, True)
    assert len(names(story)) == 1  # once per crossing
    billing_run.run(on(2026, 4, 1))
    invoice = Invoice.objects.get(type="subscription", status="finalized")
    assert (invoice.total_minor, invoice.wallet_credits_minor) == (3740, 10000)
    assert story.look(on(2026, 4, 1)) == (0, 0, True)
    void_invoice(invoice, by=ACTOR, at=on(2026, 4, 2))
    assert story.look(on(2026, 4, 2)) == (0, 10000, False)


def test_a_draft_weighs_as_it_stands_and_other_wallets_take_their_part() -> None:
    """A draft of 31.00 less 10 percent and its tax, 33.48; then 12.00 of the new month. The first wallet holds 20.00,
    the last one takes the rest.
    """
    story = Story("20", grace_period_days=5)
    apply_coupon(story.customer, make_coupon(story.organization), **DO)
    edit_wallet(story.wallet, replace(terms_of(story.wallet), priority=1), **DO)
    last = make_wallet(story.customer, "5", AT, priority=2)
    other = make_wallet(story.customer, "5", AT, currency="USD")
    billing_run.run(on(2026, 4, 1))
    assert Invoice.objects.get(type="subscription").total_minor == 3348
    story.use(100, at=on(2026, 4, 1, 9))
    assert story.look(on(2026, 4, 1, 10)) == (2000, 0, True)
    last.refresh_from_db()
    other.refresh_from_db()
    assert (last.ongoing_usage_minor, last.ongoing_balance_minor, last.depleted) == (2548, -2048, True)
    assert (other.ongoing_usage_minor, other.depleted) == (0, False)


def test_nobody_looks_where_there_is_no_credit() -> None:
    story = Story()
    idle = subscribe(billed_customer(story.organization), story.plan, START)
    use(idle, story.metric, 5, at=AT)
    assert not WalletActivity.objects.filter(customer=idle.customer).exists()
    story.use(10)
    assert WalletActivity.objects.count() == 1


def test_a_threshold_buys_once_per_crossing() -> None:
    """100.00 held, threshold 10.00, 50.00 a time. 750 units: 90.00, 10.00 left: 50.00 are sold. 420 units more,
    50.40: 9.60 with those on their way: 50.00 again. Their payment sets off nothing.
    """
    story = Story()
    story.rule()
    assert story.look() == (0, 10000, False)
    assert story.bought() == []
    story.use(750)
    story.look()
    assert story.bought() == [5000]
    story.look()
    assert ongoing.run(at=AT) == 0
    story.use(10)
    story.look()
    assert story.bought() == [5000]
    story.use(410)
    story.look()
    assert story.bought() == [5000, 5000]
    for invoice in Invoice.objects.filter(wallet=story.wallet):
        record_payment(invoice, amount_minor=5000, key=str(invoice.pk), **DO)
    assert story.look() == (14040, 5960, False)
    assert story.bought() == [5000, 5000]


@pytest.mark.parametrize(
    ("units", "terms", "limit", "sold", "given"),
    [
        # 200.40 used of 100.00: 110.40 are missing to 10.00; three purchases, the limit allows one and a fifth.
        (1670, {}, None, [15000], []),
        (1670, {}, 6000, [6000], []),
        # Given with it: 20.00 of them, so two purchases are enough to be above.
        (1670, {"granted_credits": Decimal(20)}, None, [10000], [2000]),
        # Nothing is sold: 20.00 are not enough, and it does not go round.
        (1670, {"paid_credits": Decimal(0), "granted_credits": Decimal(20)}, None, [], [2000]),
        # 150.00 is the target, 9.60 are left: 140.40, or as a present. Purchase limits do not stop a target.
        (753, {"method": Method.TARGET, "target_credits": Decimal(150)}, None, [14036], []),
        (
            753,
            {"method": Method.TARGET, "target_credits": Decimal(150), "grants_target": True},
            None,
            [],
            [14036],
        ),
    ],
)
def test_what_a_crossing_buys(
    units: int, terms: dict[str, Any], limit: int | None, sold: list[int], given: list[int]
) -> None:
    story = Story()
    edit_wallet(story.wallet, replace(terms_of(story.wallet), max_single_credit_minor=limit), **DO)
    fixed = {"paid_credits": Decimal(0)} if terms.get("method") else {}
    story.rule(**(fixed | terms))
    story.use(units)
    for _ in range(4):
        story.look()
    assert story.bought() == sold
    granted = WalletEntry.objects.filter(wallet=story.wallet, kind="granted").exclude(key="test")
    assert list(granted.values_list("amount_minor", flat=True)) == given
    assert ongoing.run(at=AT) == 0


def test_a_rule_that_did_not_suffice_waits_until_it_is_above_again() -> None:
    """20.00 given at -100.40 leaves -80.40. Only after the month is billed is the wallet above, and armed."""
    story = Story()
    story.rule(paid_credits=Decimal(0), granted_credits=Decimal(20))
    story.use(1670)
    story.look()
    story.use(10)
    story.look()
    assert WalletEntry.objects.filter(kind="granted").count() == 2
    billing_run.run(on(2026, 4, 1))
    invoice = Invoice.objects.get(type="subscription")
    void_invoice_paid = on(2026, 4, 1, 1)
    story.look(void_invoice_paid)
    void_invoice(invoice, by=ACTOR, at=on(2026, 4, 1, 2))
    story.look(on(2026, 4, 1, 2))
    story.use(1000, at=on(2026, 4, 1, 3))
    story.look(on(2026, 4, 1, 4))
    assert WalletEntry.objects.filter(kind="granted").count() == 3


def test_three_within_ten_minutes_are_told() -> None:
    story = Story()
    story.rule()
    story.use(750)
    for minute in range(3):
        story.look(AT + timedelta(minutes=minute))
        story.use(420)
    assert len(story.bought()) == 3
    assert AuditEntry.objects.filter(action="wallet.top_up_burst").count() == 1


def test_a_rule_that_makes_no_sense_is_refused_at_its_field() -> None:
    story = Story()
    for terms, field in (
        ({"threshold_credits": None}, "threshold_credits"),
        ({"threshold_credits": Decimal("Infinity")}, "threshold_credits"),
        ({"method": Method.TARGET, "target_credits": Decimal(10)}, "target_credits"),
        ({"interval": Interval.MONTHLY, "paid_credits": Decimal(0)}, "paid_credits"),
    ):
        with pytest.raises(FieldErrors) as refused:
            story.rule(**terms)
        assert field in dict(refused.value.errors)


def test_the_clock_of_a_sandbox_looks_before_it_goes_on() -> None:
    """10.00 left at the threshold: the sale stands at the moment of the usage, whatever the clock does after."""
    story = Story(sandbox=True)
    story.rule()
    story.use(750)
    move = move_clock(story.organization, on(2026, 4, 2), by=ACTOR)
    carry_out(move.job or Job())
    sale = Invoice.objects.get(wallet=story.wallet)
    assert (sale.total_minor, sale.finalized_at) == (5000, AT)
    story.wallet.refresh_from_db()
    assert (story.wallet.ongoing_usage_minor, story.wallet.balance_minor) == (0, 0)
    assert Wallet.objects.filter(depleted=True).count() == 1


def test_an_alert_on_the_ongoing_balance_tells_once_per_crossing() -> None:
    """100.00 held; 0.12 a unit with tax. Thresholds 50.00 and 0: 500 units leave 40.00, 334 more nothing. The bill
    takes the balance and the usage: what is left stays below. A grant lifts it above, and usage crosses again.
    """
    story = Story()
    steps = ((Decimal(50), "half"), (Decimal(0), "none"))
    terms = AlertTerms("wallet_ongoing_balance_amount", "left", steps=steps)
    alert = save_alert(story.wallet, terms, **DO)
    credits = AlertTerms("wallet_credits_ongoing_balance", "credits", steps=((Decimal(45), ""),))
    save_alert(story.wallet, credits, **DO)
    balance = AlertTerms("wallet_balance_amount", "balance", steps=((Decimal(1), ""),))
    save_alert(story.wallet, balance, **DO)

    def told() -> list[tuple[str, list[str], Decimal]]:
        rows = AlertCrossing.objects.order_by("alert__code", "pk").select_related("alert")
        return [(row.alert.code, [step["value"] for step in row.crossed], row.value) for row in rows]

    story.look()
    assert told() == []
    story.use(500)
    story.look()
    first = [("credits", ["45"], Decimal(40)), ("left", ["50"], Decimal(40))]
    assert told() == first
    story.use(1)
    story.look()
    assert told() == first
    story.use(333)
    story.look()
    assert told() == [*first, ("left", ["0"], Decimal("-0.08"))]
    events = EmittedEvent.objects.filter(name="alert.triggered")
    assert events.count() == 3
    billing_run.run(on(2026, 4, 1))
    story.look(on(2026, 4, 1))
    bought = [("balance", ["1"], Decimal(0))]
    assert told() == [*bought, *first, ("left", ["0"], Decimal("-0.08"))]
    grant(story.wallet, Decimal(60), key="more", by=ACTOR, at=on(2026, 4, 1))
    story.look(on(2026, 4, 1))
    story.use(100, at=on(2026, 4, 1, 9))
    story.look(on(2026, 4, 1, 10))
    assert told()[-1] == ("left", ["50"], Decimal(48))
    alert.refresh_from_db()
    assert (alert.previous_value, alert.looked_at) == (Decimal(48), on(2026, 4, 1, 10))
