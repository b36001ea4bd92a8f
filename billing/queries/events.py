"""Finding single events: for the API, the Developers pages and the drawer of a charge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from billing.models import Event, LateEvent, Metric, Organization, QuarantinedEvent, Subscription, UsageHour
from billing.queries.usage_totals import HOUR, hour_of
from billing.rules.ids import decode

SORTING = 4  # times as long as walking past an event: measured with 3 million


@dataclass(frozen=True)
class EventFilter:
    """What a list is narrowed to; empty: not at all. `start` <= timestamp < `end`. `late`: `all` that came after
    their invoice, or the `open` ones, of which nobody has decided that they stay unbilled.
    """

    subscription: str = ""
    code: str = ""
    transaction_id: str = ""
    start: datetime | None = None
    end: datetime | None = None
    quarantined: bool = False
    late: str = ""


def subscriptions_named(organization: Organization, reference: str) -> QuerySet[Subscription]:
    """The subscriptions with this external id or id."""
    key = decode(Subscription.PREFIX, reference)
    wanted = Q(external_id=reference) | Q(pk=key) if key else Q(external_id=reference)
    return Subscription.objects.of(organization).filter(wanted)


def find_events(organization: Organization, wanted: EventFilter, *, before: str = "") -> QuerySet[Any]:
    """Events (or quarantined ones), last received first; `before` is the id where the page before ended.

    Days that lie under many newer events come by their own time instead, the latest first: then the index by time
    leads there, and nobody walks over what came since.
    """
    rows: QuerySet[Any]
    if wanted.quarantined:
        rows = QuarantinedEvent.objects.of(organization).select_related("subscription")
        if wanted.subscription:
            rows = rows.filter(external_subscription_id=wanted.subscription)
        if wanted.code:
            rows = rows.filter(code=wanted.code)
    else:
        rows = Event.objects.of(organization).select_related("metric", "subscription")
        came_late = LateEvent.objects.filter(event_id=OuterRef("pk"))
        rows = rows.annotate(late=Exists(came_late), late_open=Exists(came_late.filter(settled_at=None)))
        if wanted.late:
            waiting = {"settled_at": None} if wanted.late == "open" else {}
            keys = LateEvent.objects.of(organization).filter(**waiting)
            rows = rows.filter(pk__in=keys.values("event_id"))
        if wanted.subscription:
            named = subscriptions_named(organization, wanted.subscription)
            rows = rows.filter(subscription__in=list(named.values_list("pk", flat=True)))
        if wanted.code:
            metrics = Metric.objects.of(organization).filter(code=wanted.code)
            rows = rows.filter(metric__in=list(metrics.values_list("pk", flat=True)))
    if wanted.transaction_id:
        rows = rows.filter(transaction_id=wanted.transaction_id)
    if wanted.start:
        rows = rows.filter(timestamp__gte=wanted.start)
    if wanted.end:
        rows = rows.filter(timestamp__lt=wanted.end)
    by_time = lies_deep(organization, wanted)
    if before:
        rows = rows.filter(after_the_page(organization, before, by_time=by_time))
    return rows.order_by("-timestamp", "-pk") if by_time else rows.order_by("-pk")


def lies_deep(organization: Organization, wanted: EventFilter) -> bool:
    """Whether far more events lie after the wanted days than in them. Only for days of all subscriptions."""
    if not (wanted.start and wanted.end) or wanted.quarantined or wanted.late:
        return False
    if wanted.subscription or wanted.transaction_id:
        return False  # they have indexes of their own
    hours = UsageHour.objects.of(organization).filter(hour__gte=wanted.start - HOUR)
    within = Sum("events_count", filter=Q(hour__lt=wanted.end))
    found = hours.aggregate(within=within, later=Sum("events_count", filter=Q(hour__gte=wanted.end)))
    return (found["within"] or 0) * SORTING < (found["later"] or 0)


def after_the_page(organization: Organization, before: str, *, by_time: bool) -> Q:
    """What comes after the event with this id. Nothing when there is none."""
    key = decode(Event.PREFIX, before)
    if key is None:
        return Q(pk__in=[])
    if not by_time:
        return Q(pk__lt=key)
    moment = Event.objects.of(organization).filter(pk=key).values_list("timestamp", flat=True).first()
    if moment is None:
        return Q(pk__in=[])
    return Q(timestamp__lt=moment) | Q(timestamp=moment, pk__lt=key)


def count_events(organization: Organization, wanted: EventFilter) -> int:
    """How many there are. From the roll-ups where they know it, so that ten million events are no matter."""
    bounds = [moment for moment in (wanted.start, wanted.end) if moment]
    named = wanted.quarantined or wanted.transaction_id or wanted.late
    if named or any(hour_of(moment) != moment for moment in bounds):
        return find_events(organization, wanted).count()
    hours = UsageHour.objects.of(organization)
    if wanted.start:
        hours = hours.filter(hour__gte=wanted.start)
    if wanted.end:
        hours = hours.filter(hour__lt=wanted.end)
    if wanted.subscription:
        hours = hours.filter(subscription__in=subscriptions_named(organization, wanted.subscription))
    if wanted.code:
        hours = hours.filter(metric__in=Metric.objects.of(organization).filter(code=wanted.code))
    return int(hours.aggregate(total=Sum("events_count"))["total"] or 0)


def find_event(organization: Organization, transaction_id: str, reference: str = "") -> Any:
    """The event with this transaction id, else the quarantined one, else None."""
    for quarantined in (False, True):
        wanted = EventFilter(reference, transaction_id=transaction_id, quarantined=quarantined)
        row = find_events(organization, wanted).first()
        if row is not None:
            return row
    return None
