"""Changing the prices of a plan in use: who pays what when, one row per subscription, and trying again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from billing.actions import price_changes
from billing.actions.charges import PricedIn
from billing.actions.plan_prices import PriceTerms, add_price
from billing.actions.plans import update_plan
from billing.models import Job, Organization, Plan, PlanVersion, PriceChange, PriceMove, Subscription
from billing.queries.versions import terms_of
from billing.rules.errors import Conflict, Invalid
from customers.actions.assign import assign_plan
from invoicing.actions.billing_run import bill_customer, run
from invoicing.actions.draft import refresh_draft
from invoicing.models import Invoice
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, make_plan, on
from tests.factories.people import ACTOR, NOW, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def plan(organization: Organization) -> Plan:
    """31.00 and 0.10 a unit."""
    return make_plan(organization, 3100, charge(make_metric(organization, "calls")))


def subscribed(plan: Plan, at: datetime, **fields: Any) -> Subscription:
    return assign_plan(billed_customer(plan.organization, **fields), plan, by=ACTOR, at=at)


def raise_prices(plan: Plan, follow: str, at: datetime, amount: int = 4000, unit: str = "0.20") -> Plan:
    """40.00 and 0.20 a unit, and the job done."""
    row = plan.charges.kept().get()
    terms = charge(row.metric, "standard", {"amount": unit}, id=row.pk)
    plan = update_plan(plan, {"amount_minor": amount}, charges=[terms], follow=follow, by=ACTOR, at=at)
    for job in Job.objects.filter(task=price_changes.TASK, state="queued"):
        price_changes.carry_out(job)
        Job.objects.filter(pk=job.pk).update(state="succeeded")
    return plan


def billed(subscription: Subscription) -> list[list[int]]:
    rows = Invoice.objects.filter(customer=subscription.customer, status="finalized").order_by("number")
    return [[line.amount_minor for line in row.lines.all()] for row in rows]


@pytest.mark.parametrize(
    ("follow", "january", "february", "fee"),
    [
        ("now", [4000, 200], [4000, 200], 4000),
        ("renewal", [3100, 100], [4000, 200], 3100),
        ("never", [3100, 100], [3100, 100], 3100),
    ],
)
def test_existing_subscriptions_follow_as_asked(
    plan: Plan, follow: str, january: list[int], february: list[int], fee: int
) -> None:
    """10 units a month; the prices change on 20 January. Who comes afterwards pays the new ones."""
    first = subscribed(plan, on(2026, 1, 1))
    metric = plan.charges.get().metric
    for month in (1, 2):
        use(first, metric, 10, at=on(2026, month, 5))
    plan = raise_prices(plan, follow, on(2026, 1, 20))
    first.refresh_from_db()
    assert (plan.price_version, first.amount_minor) == (2, fee)
    second = subscribed(plan, on(2026, 1, 25))
    assert (second.price_version, second.amount_minor) == (2, 4000)
    run(on(2026, 2, 1))
    run(on(2026, 3, 1))
    assert billed(first) == [january, february]
    first.refresh_from_db()
    assert first.amount_minor == february[0]


def test_a_period_that_is_over_is_billed_at_the_prices_of_its_time(plan: Plan) -> None:
    """Nobody ran the bill until April; the prices changed on 10 March. A draft of February stays too."""
    late = subscribed(plan, on(2026, 1, 1))
    waiting = subscribed(plan, on(2026, 2, 1), grace_period_days=60)
    bill_customer(waiting.customer_id, by=ACTOR, at=on(2026, 3, 1))
    draft = Invoice.objects.get(customer=waiting.customer)
    raise_prices(plan, "now", on(2026, 3, 10))
    assert refresh_draft(draft, by=ACTOR, at=on(2026, 3, 11)).lines_minor == 3100
    run(on(2026, 4, 1))
    assert billed(late) == [[3100], [3100], [4000]]


def test_what_nobody_pays_changes_without_a_version(plan: Plan) -> None:
    plan = raise_prices(plan, "now", NOW)
    assert (plan.price_version, PlanVersion.objects.count(), PriceChange.objects.count()) == (1, 0, 0)
    subscribed(plan, on(2026, 1, 1))
    update_plan(plan, {"name": "Renamed", "commitment_display_name": "x"}, by=ACTOR, at=NOW)
    assert not PlanVersion.objects.exists()


def test_a_row_without_a_price_fails_alone_and_is_tried_again(organization: Organization, plan: Plan) -> None:
    key = plan.charges.get().pk
    add_price(plan, PriceTerms("JPY", 3000, 0, {key: PricedIn({"amount": "15"})}), by=ACTOR, at=NOW)
    euro, yen = subscribed(plan, on(2026, 1, 1)), subscribed(plan, on(2026, 1, 1), currency="JPY")
    seats = charge(make_metric(organization, "seats"))
    row = plan.charges.get()
    kept = charge(row.metric, "standard", {"amount": "0.20"}, id=row.pk)
    update_plan(plan, {}, charges=[kept, seats], follow="now", by=ACTOR, at=on(2026, 1, 10))
    change = PriceChange.objects.get()
    price_changes.carry_out(Job.objects.get(task=price_changes.TASK))
    assert price_changes.outcomes(change) == {"moved": 1, "failed": 1}
    failed = change.rows.get(outcome="failed")
    assert (failed.subscription, "Seats has no price there" in failed.note) == (yen, True)
    for subscription, version in ((euro, 2), (yen, 1)):
        subscription.refresh_from_db()
        assert subscription.price_version == version
    assert terms_of(yen, on(2026, 1, 20)).amount_minor == 3000
    assert [one.properties for one in terms_of(yen, on(2026, 1, 20)).charges] == [{"amount": "15"}]
    Job.objects.update(state="succeeded")
    price_changes.try_again(change, by=ACTOR, at=on(2026, 1, 11))
    with pytest.raises(Conflict):
        price_changes.try_again(change, by=ACTOR, at=on(2026, 1, 11))
    price_changes.carry_out(Job.objects.filter(state="queued").get())
    assert price_changes.outcomes(change) == {"moved": 1, "failed": 1}


def test_the_ended_and_the_unknown(plan: Plan) -> None:
    ended = subscribed(plan, on(2026, 1, 1))
    row = plan.charges.get()
    terms = charge(row.metric, "standard", {"amount": "0.30"}, id=row.pk)
    update_plan(plan, {}, charges=[terms], by=ACTOR, at=on(2026, 1, 5))
    Subscription.objects.filter(pk=ended.pk).update(status="terminated", terminated_at=on(2026, 1, 6))
    price_changes.carry_out(Job.objects.get(task=price_changes.TASK))
    assert PriceChange.objects.get().rows.get().outcome == "skipped"
    with pytest.raises(Invalid, match="now, renewal or never"):
        update_plan(plan, {"amount_minor": 1}, follow="later", by=ACTOR, at=NOW)


def test_a_worker_killed_in_the_middle_goes_on_with_the_rest(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies at the second of three rows: the first stays moved, once; the others are moved by the next."""
    rows = [subscribed(plan, on(2026, 1, 1)) for _ in range(3)]
    terms = charge(plan.charges.get().metric, "standard", {"amount": "0.20"}, id=plan.charges.get().pk)
    update_plan(plan, {"amount_minor": 4000}, charges=[terms], follow="now", by=ACTOR, at=on(2026, 1, 20))
    job, change = Job.objects.get(task=price_changes.TASK), PriceChange.objects.get()
    real, seen = price_changes.move, []

    def dying(subscription: Subscription, *args: Any, **fields: Any) -> Any:
        seen.append(subscription.pk)
        done = real(subscription, *args, **fields)
        if len(seen) == 2:
            raise SystemExit  # after its writes, before they are committed
        return done

    monkeypatch.setattr(price_changes, "move", dying)
    with pytest.raises(SystemExit):
        price_changes.carry_out(job)
    assert price_changes.outcomes(change) == {"moved": 1, "waiting": 2}
    assert sorted(Subscription.objects.values_list("price_version", flat=True)) == [1, 1, 2]
    price_changes.carry_out(job)
    assert price_changes.outcomes(change) == {"moved": 3}
    assert PriceMove.objects.filter(subscription__in=rows).count() == 3
