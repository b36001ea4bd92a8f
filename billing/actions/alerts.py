"""Alerts on usage and balances: kept by staff, looked at when something has moved.

Laws. A look compares with the value of the last look and tells once of every step crossed in between. A new alert on
usage starts from zero, so usage that is there already is told at the first look; one on a balance starts from the
balance as it is, and one on an ongoing balance is looked at by the worker that computes it. What counts from zero in
each period starts from zero again in the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from billing.actions import audit
from billing.actions.webhooks import emit
from billing.models import (
    OF_METRIC,
    OF_ONGOING,
    OF_WALLET,
    Alert,
    AlertCrossing,
    AlertKind,
    Metric,
    Subscription,
    User,
    Wallet,
    WalletActivity,
)
from billing.orm.actor import Actor
from billing.queries.payloads_alerts import alert_payload, crossing_payload
from billing.rules.alerts import Direction, Steps, crossed
from billing.rules.errors import Conflict, FieldErrors, NotFound
from billing.rules.money import from_minor
from billing.rules.wallets import minor_to_credits

# Those that begin at zero with each period.
PERIODIC = (AlertKind.USAGE_AMOUNT.value, AlertKind.METRIC_AMOUNT.value, AlertKind.METRIC_UNITS.value)
MOST_STEPS = 20
MOST_VALUE = 10**20


@dataclass(frozen=True)
class AlertTerms:
    """What staff say of an alert: [(value, code)] in major units or units, and the step that goes on."""

    kind: str
    code: str
    name: str = ""
    metric: Metric | None = None
    steps: tuple[tuple[Decimal, str], ...] = ()
    recurring: Decimal | None = None


def faults(terms: AlertTerms, *, of_wallet: bool) -> list[tuple[str, str]]:
    """What does not make sense, by field."""
    found = []
    if (terms.kind in OF_WALLET) != of_wallet or terms.kind not in AlertKind.values:
        found.append(("kind", "Choose what the alert looks at."))
    if not terms.code:
        found.append(("code", "Enter a code."))
    if terms.kind in OF_METRIC and terms.metric is None:
        found.append(("metric", "Choose the billable metric."))
    if terms.kind not in OF_METRIC and terms.metric is not None:
        found.append(("metric", "This kind looks at all metrics together."))
    values = [value for value, _ in terms.steps]
    if not values and terms.recurring is None:
        found.append(("steps", "Enter at least one threshold."))
    if len(values) > MOST_STEPS:
        found.append(("steps", f"Use at most {MOST_STEPS} thresholds."))
    if len(set(values)) != len(values):
        found.append(("steps", "Two thresholds have the same value."))
    if any(value < 0 for value in values) and not of_wallet:
        found.append(("steps", "A threshold must not be negative."))
    if terms.recurring is not None and terms.recurring <= 0:
        found.append(("recurring", "Must be more than 0, or empty."))
    for name, value in [
        *(("steps", value) for value in values),
        ("recurring", terms.recurring or Decimal(0)),
    ]:
        if abs(value) >= MOST_VALUE:
            found.append((name, f"Must be below {MOST_VALUE:,}."))
    return found


@transaction.atomic
def save_alert(
    target: Subscription | Wallet, terms: AlertTerms, *, alert: Alert | None = None, by: Actor, at: datetime
) -> Alert:
    """A new alert on the target, or `alert` with other terms (its kind and metric stay). FieldErrors and Conflict
    (alert_exists, alert_code_taken) say why not.
    """
    of_wallet = isinstance(target, Wallet)
    if alert is not None:
        alert = Alert.objects.select_for_update().get(pk=alert.pk)
        terms = AlertTerms(alert.kind, terms.code, terms.name, alert.metric, terms.steps, terms.recurring)
    if found := faults(terms, of_wallet=of_wallet):
        raise FieldErrors(found)
    row = alert or Alert(organization_id=target.organization_id, kind=terms.kind, metric=terms.metric)
    if isinstance(target, Wallet):
        row.wallet = target
    else:
        row.subscription = target
    row.code, row.name, row.recurring = terms.code, terms.name.strip(), terms.recurring
    row.steps = [{"value": f"{value:f}", "code": code} for value, code in sorted(terms.steps)]
    if alert is None and isinstance(target, Wallet):
        row.previous_value, row.looked_at = balance(row, target), at
        # Somebody minds it from now on; the worker looks at what it is.
        Wallet.objects.untouched().filter(pk=target.pk).update(untouched=False)
        WalletActivity.objects.create(organization_id=row.organization_id, customer_id=target.customer_id)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        if "alert_code" in str(error):
            raise Conflict("Another alert has this code.", code="alert_code_taken", field="code") from error
        if "one_" in str(error):
            raise Conflict(
                "There is an alert of this kind already.", code="alert_exists", field="kind"
            ) from error
        raise
    record(row, target, "alert.updated" if alert else "alert.created", by=by, at=at)
    return row


@transaction.atomic
def delete_alert(alert: Alert, *, by: Actor, at: datetime) -> None:
    """Take an alert away; what it has told stays. Twice changes nothing."""
    alert = Alert.objects.select_for_update().get(pk=alert.pk)
    if alert.deleted_at is None:
        alert.deleted_at = at
        alert.save(update_fields=["deleted_at", "updated_at"])
        record(alert, target_of(alert), "alert.deleted", by=by, at=at)


@transaction.atomic
def see(crossings: Sequence[AlertCrossing], user: User, *, by: Actor, at: datetime) -> int:
    """Somebody has taken note. Twice changes nothing; how many were new."""
    keys = [row.pk for row in crossings]
    rows = (
        AlertCrossing.objects.filter(pk__in=keys, seen_at=None).select_for_update(of=("self",)).order_by("pk")
    )
    new = list(rows.select_related("alert__subscription__customer", "alert__wallet__customer"))
    for row in new:
        row.seen_at, row.seen_by = at, user
        row.save(update_fields=["seen_at", "seen_by", "updated_at"])
        record(row.alert, target_of(row.alert), "alert.seen", by=by, at=at)
    return len(new)


def look(
    alert: Alert, value: Decimal, *, since: datetime | None = None, at: datetime
) -> AlertCrossing | None:
    """Compare a locked alert with its value now; what was crossed is kept and told. `since`: when the running period
    began.
    """
    previous = alert.previous_value or Decimal(0)
    if since is not None and alert.kind in PERIODIC and (alert.looked_at is None or alert.looked_at < since):
        previous = Decimal(0)
    steps = Steps(tuple(Decimal(step["value"]) for step in alert.steps), alert.recurring)
    direction = Direction.DECREASING if alert.kind in OF_WALLET else Direction.INCREASING
    found = crossed(steps, direction, previous, value)
    alert.previous_value, alert.looked_at = value, at
    alert.save(update_fields=["previous_value", "looked_at", "updated_at"])
    return tell(alert, previous, value, found, at=at) if found else None


def tell(
    alert: Alert, previous: Decimal, value: Decimal, found: Sequence[Decimal], *, at: datetime
) -> AlertCrossing:
    """One notice, one event, one line of the history for all that one look has crossed."""
    codes = {Decimal(step["value"]): step["code"] for step in alert.steps}
    crossing = AlertCrossing.objects.create(
        organization_id=alert.organization_id,
        alert=alert,
        previous_value=previous,
        value=value,
        crossed=[
            {"value": f"{step:f}", "code": codes.get(step, ""), "recurring": step not in codes}
            for step in found
        ],
        at=at,
    )
    target = target_of(alert)
    record(alert, target, "alert.triggered", by=Actor.system(), at=at, reason=f"At {value.normalize():f}")
    emit(alert.organization, "alert.triggered", alert, crossing_payload(crossing), at=at)
    return crossing


def watch_wallet(wallet: Wallet, *, ongoing: bool = False, at: datetime) -> None:
    """After a movement on a locked wallet; `ongoing`: after a look at its ongoing balance. What is not billed yet is
    as it was at the last such look, so that only a look can tell of it.
    """
    rows = Alert.objects.kept().filter(wallet=wallet).select_related("organization")
    rows = rows.filter(kind__in=OF_ONGOING) if ongoing else rows.exclude(kind__in=OF_ONGOING)
    for alert in rows.select_for_update(of=("self",)).order_by("pk"):
        alert.wallet = wallet
        look(alert, balance(alert, wallet), at=at)


def balance(alert: Alert, wallet: Wallet) -> Decimal:
    """What a wallet's alert looks at."""
    if alert.kind == AlertKind.WALLET_CREDITS.value:
        return wallet.credits_balance
    if alert.kind == AlertKind.ONGOING_CREDITS.value:
        return minor_to_credits(wallet.ongoing_balance_minor, wallet.rate, wallet.currency)
    if alert.kind == AlertKind.ONGOING_AMOUNT.value:
        return from_minor(wallet.ongoing_balance_minor, wallet.currency)
    return from_minor(wallet.balance_minor, wallet.currency)


def target_of(alert: Alert) -> Subscription | Wallet:
    """What an alert is about."""
    target: Any = alert.subscription or alert.wallet
    if target is None:
        raise NotFound("This alert has no target.")
    return target


def record(
    alert: Alert, target: Subscription | Wallet, action: str, *, by: Actor, at: datetime, reason: str = ""
) -> None:
    """A line of the history, on the customer too."""
    audit.record(
        alert.organization,
        action,
        alert,
        by=by,
        at=at,
        customer=target.customer,
        changes=None if action in ("alert.triggered", "alert.seen") else alert_changes(alert),
        reason=reason,
    )


def alert_changes(alert: Alert) -> dict[str, tuple[Any, Any]]:
    """What the alert is from now on."""
    payload = alert_payload(alert)
    return {"thresholds": (None, ", ".join(str(item["value"]) for item in payload["thresholds"]))}
