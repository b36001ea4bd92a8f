"""Moving the subscriptions of a plan to its changed prices: fixed rows, done one by one in a worker.

Each subscription is a transaction of its own, with an audit line and an event. A row is done once: a worker that is
killed goes on with the rows that wait. One that cannot be moved, for a price that is missing in its currency, says so
and does not stop the others; it can be tried again.
"""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from billing.actions import audit, later
from billing.actions.locks import lock_customer_of
from billing.actions.subscriptions import lock_subscription, tell
from billing.models import Follow, Job, Plan, PriceChange, PriceChangeRow, PriceMove, Subscription
from billing.orm.actor import Actor
from billing.queries.schedules import customer_zone, schedule_of
from billing.queries.versions import frozen_book, version_of
from billing.rules.errors import BillingError, Conflict
from billing.rules.price_versions import OWN, is_own
from billing.rules.states import OPEN, SubscriptionStatus

logger = logging.getLogger(__name__)
TASK = "billing.change_prices"
BATCH = 1000
ENDED, ELSEWHERE, NEWER = "Has ended.", "Is on another plan now.", "Pays newer prices already."
AGREED = "Has terms of its own."


def start_change(plan: Plan, follow: Follow, *, by: Actor, at: datetime) -> PriceChange | None:
    """Fix the subscriptions to move and hand them to a worker; None when there is none. The plan is locked."""
    mine = Subscription.objects.filter(plan=plan, status__in=[status.value for status in OPEN])
    mine = mine.filter(price_version__lt=OWN)  # what was agreed with one subscription stays
    keys = list(mine.order_by("pk").values_list("pk", "currency", "amount_minor"))
    if not keys:
        return None
    change = PriceChange.objects.create(
        organization=plan.organization,
        plan=plan,
        version=plan.price_version,
        follow=follow.value,
        made_by=[by.kind, by.label, str(by.user_id or "")],
        at=at,
        total=len(keys),
    )
    rows = (
        PriceChangeRow(
            organization=plan.organization,
            change=change,
            subscription_id=key,
            currency=currency,
            before_minor=minor,
            after_minor=minor,
        )
        for key, currency, minor in keys
    )
    PriceChangeRow.objects.bulk_create(rows, batch_size=BATCH)
    changes = {"follow": (None, follow.label), "subscriptions": (None, len(keys))}
    audit.record(plan.organization, "plan.price_change_started", plan, by=by, at=at, changes=changes)
    queue(change, first=True)
    return change


def queue(change: PriceChange, *, first: bool = False) -> Job:
    """The change's job."""
    label = f"Changed prices of {change.plan.name} ({change.total} subscriptions)"
    return later.enqueue(
        change.organization, TASK, key=f"prices:{change.pk}", label=label, subject_id=change.pk, first=first
    )


@transaction.atomic
def try_again(change: PriceChange, *, by: Actor, at: datetime) -> PriceChange:
    """Once more for the rows that failed. Conflict when none did."""
    change = (
        PriceChange.objects.select_for_update(of=("self",))
        .select_related("plan", "organization")
        .get(pk=change.pk)
    )
    again = change.rows.filter(outcome="failed").update(outcome="waiting", note="")
    if not again:
        raise Conflict("No subscription waits to be tried again.", code="nothing_failed")
    PriceChange.objects.filter(pk=change.pk).update(finished_at=None)
    audit.record(
        change.organization,
        "plan.price_change_repeated",
        change.plan,
        by=by,
        at=at,
        changes={"subscriptions": (None, again)},
    )
    queue(change)
    return change


def carry_out(job: Job) -> None:
    """The rows that still wait, then the end."""
    change = PriceChange.objects.select_related("organization", "plan").get(pk=job.subject_id)
    kind, label, user = change.made_by
    by = Actor(kind, label, user_id=UUID(user) if user else None)
    for key in list(change.rows.filter(outcome="waiting").order_by("pk").values_list("pk", flat=True)):
        try:
            move_one(change, key, by=by, at=change.at)
        except BillingError as error:
            refuse(key, str(error))
        except Exception as error:  # one item of the batch; the others go on
            logger.exception("Row %s of price change %s failed.", key, change.pk)
            refuse(key, later.reason(error))
    PriceChange.objects.filter(pk=change.pk).update(finished_at=timezone.now())


@transaction.atomic
def move_one(change: PriceChange, key: UUID, *, by: Actor, at: datetime) -> None:
    """One subscription, and what came of it, together."""
    subscription_id = PriceChangeRow.objects.values_list("subscription_id", flat=True).get(pk=key)
    subscription = Subscription.objects.get(pk=subscription_id)
    lock_customer_of(subscription)
    subscription = lock_subscription(subscription)
    row = PriceChangeRow.objects.locked().get(pk=key)
    if row.outcome != "waiting":
        return
    row.outcome = "skipped"
    if subscription.is_ended:
        row.note = ENDED
    elif subscription.plan_id != change.plan_id:
        row.note = ELSEWHERE
    elif subscription.has_own_terms:
        row.note = AGREED
    elif subscription.price_version >= change.version:
        row.note = NEWER
    else:
        version = first_priced(subscription, change.version)
        row.outcome = "moved"
        follow = Follow(change.follow)
        if is_own(version_of(subscription, subscription.plan, at)):
            follow = Follow.RENEWAL  # given up, and kept until its next period
        row.since = move(subscription, version, follow, by=by, at=at)
        row.after_minor = frozen_book(subscription.plan, version).terms(subscription.currency).amount_minor
    row.save()


def first_priced(subscription: Subscription, version: int) -> int:
    """The first version from `version` on that has a price in the subscription's currency. Mending a price that was
    missing makes a newer version: that is the one to go to. None has one: `version`.
    """
    plan = subscription.plan
    for number in range(version, plan.price_version + 1):
        book = frozen_book(plan, number)
        if subscription.currency in book.currencies and not book.missing(subscription.currency):
            return number
    return version


def move(
    subscription: Subscription,
    version: int,
    follow: Follow,
    *,
    also: audit.Changes | None = None,
    by: Actor,
    at: datetime,
) -> datetime | None:
    """Let a locked subscription pay a version from its running or next period on; the moment from when, None for one
    that has not begun. `also`: what else the audit line says. Raises Invalid when the version has no price in its
    currency.
    """
    book = frozen_book(subscription.plan, version)
    book.check(subscription.currency)
    amount = book.terms(subscription.currency).amount_minor
    old = subscription.price_version
    since = None
    if subscription.status != SubscriptionStatus.PENDING.value:
        since = boundary(subscription, follow, at)
        PriceMove.objects.create(
            organization=subscription.organization,
            subscription=subscription,
            from_version=old,
            to_version=version,
            since=since,
        )
        subscription.price_since = since
    subscription.price_version = version
    changes: dict[str, tuple[object, object]] = dict(also or {})
    if version_words(old) != version_words(version):
        changes["price version"] = (version_words(old), version_words(version))
    if since is None or since <= at:
        changes["amount_minor"] = (subscription.amount_minor, amount)
        subscription.amount_minor = amount
    else:
        changes["from"] = ("", since.isoformat())
    subscription.save(update_fields=["price_version", "price_since", "amount_minor", "updated_at"])
    tell(subscription, "subscription.prices_changed", by=by, at=at, changes=changes)
    return since


def version_words(version: int) -> object:
    """A version as the audit line calls it."""
    return "its own" if is_own(version) else version


def boundary(subscription: Subscription, follow: Follow, at: datetime) -> datetime:
    """Where the period of a moment begins, or ends; those before it may wait to be billed still."""
    if subscription.next_billing_at is None:
        raise Conflict("It has no running period.", code="subscription_not_running")
    period = schedule_of(subscription, customer_zone(subscription.customer)).period_at(at)
    return period.end if follow == Follow.RENEWAL else period.start


@transaction.atomic
def refuse(key: UUID, reason: str) -> None:
    """The row failed, and why."""
    row = PriceChangeRow.objects.locked().get(pk=key)
    if row.outcome == "waiting":
        row.outcome, row.note = "failed", reason[:500]
        row.save()


def outcomes(change: PriceChange) -> dict[str, int]:
    """How many rows ended how."""
    counts = change.rows.order_by().values("outcome").annotate(count=Count("pk"))
    return {row["outcome"]: row["count"] for row in counts}
