"""A second look at what final bills have read: events that were being stored at that very moment.

Laws. An event is on the bill when its transaction had ended before the bill read usage; it notes itself as late when
the bill had ended before it was stored. Between the two it does neither. So a bill that is final with its commit
leaves the snapshot before which it has read (`UsageReading`, in its own transaction), and this looks once every
transaction has ended that ran when the bill was first seen: no event can come after that without noting itself.
The hours that were rolled up by a transaction outside of the snapshot are few or none; only their events are asked.
A look takes its row away in the transaction in which it looks: none is lost, and a repeat notes nothing twice. One
that fails is held and becomes a job, which staff see and can run again; the others go on.

Example: a bill for January reads usage at 00:00:10.1 and is committed at 00:00:10.2; an event of 31 January is
committed at 00:00:10.15. The hour of that event was written by a transaction that the snapshot of 10.1 does not see,
the bill lacks one event of its charge: the event is noted as late.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from billing.actions import later
from billing.models import LateEvent
from billing.orm.writing import Part, statement
from invoicing.models import Invoice, InvoicedPeriod, UsageReading
from invoicing.queries.late import late_usage

logger = logging.getLogger(__name__)
AT_ONCE = 500
LONGEST = "15 minutes"  # nothing that takes in events runs longer: a forgotten transaction holds no look up

BEGIN = """
INSERT INTO invoicing_usagereading (organization_id, period_id, snapshot, held)
SELECT organization_id, id, pg_current_snapshot()::text, false FROM invoicing_invoicedperiod
WHERE invoice_id = %s AND kind = 'usage' AND start < "end"
ON CONFLICT (period_id) DO UPDATE SET snapshot = excluded.snapshot, seen_at = NULL
"""
SEEN = "UPDATE invoicing_usagereading SET seen_at = clock_timestamp() WHERE seen_at IS NULL"
RIPE = """
SELECT id FROM invoicing_usagereading
WHERE NOT held AND seen_at < greatest(clock_timestamp() - %s::interval, (
    SELECT coalesce(min(xact_start), clock_timestamp()) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
))
ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""
# A row's writer as a number that does not wrap around: of the epoch of now, or of the one before it.
WRITER = """(
    SELECT CASE WHEN number > top THEN number - 4294967296 ELSE number END::text::xid8
    FROM (SELECT top, (top / 4294967296) * 4294967296 + {row}.xmin::text::bigint AS number
        FROM (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS top) AS now) AS known
)"""
# The snapshot names no savepoints, which have numbers of their own: whatever is not surely older is asked for.
UNSEEN = f"{WRITER} >= pg_snapshot_xmin(reading.snapshot::pg_snapshot)"
SEEN_THEN = f"pg_visible_in_snapshot({WRITER}, reading.snapshot::pg_snapshot)"
# Charges in advance bill their events whenever they come.
OF_BILL = """
FROM invoicing_usagereading AS reading
JOIN invoicing_invoicedperiod AS period ON period.id = reading.period_id
JOIN billing_subscription AS subscription ON subscription.id = period.subscription_id
CROSS JOIN LATERAL (
    SELECT DISTINCT metric_id FROM billing_charge WHERE plan_id = subscription.plan_id AND NOT pay_in_advance
) AS priced
"""
HOURS = f"""
SELECT DISTINCT reading.period_id, hours.hour {OF_BILL}
JOIN billing_usagehour AS hours
    ON hours.subscription_id = period.subscription_id AND hours.metric_id = priced.metric_id
    AND hours.hour >= date_trunc('hour', period.start, 'UTC') AND hours.hour < period."end"
WHERE reading.id = ANY(%s) AND {UNSEEN.format(row="hours")}
"""
WHICH = f"""event.id, event.metric_id, event."timestamp", {SEEN_THEN.format(row="event")}"""
EVENTS = f"""
SELECT {WHICH} {OF_BILL}
JOIN billing_event AS event
    ON event.subscription_id = period.subscription_id AND event.metric_id = priced.metric_id
    AND event."timestamp" >= greatest(%s, period.start)
    AND event."timestamp" < least(%s + interval '1 hour', period."end")
WHERE reading.period_id = %s AND {UNSEEN.format(row="event")}
    AND NOT EXISTS (SELECT FROM billing_lateevent AS noted WHERE noted.event_id = event.id)
"""  # noqa: S608 - our own texts
NOTED = """
SELECT event.metric_id, count(*) FROM billing_lateevent AS noted
JOIN billing_event AS event ON event.id = noted.event_id
WHERE noted.subscription_id = %s AND noted."timestamp" >= %s AND noted."timestamp" < %s GROUP BY event.metric_id
"""


def reading(invoice: Invoice) -> Part:
    """Remember what can be seen of the events now, for each period of usage of an invoice that becomes final. Written
    before its usage is read, in the same transaction.
    """
    return statement(BEGIN, invoice.pk)


def run() -> int:
    """Look at every bill whose moment has come; how many events were noted. May run twice at once."""
    with connection.cursor() as cursor:
        cursor.execute(SEEN)
    noted = 0
    while True:
        found, new = look()
        noted += new
        if found < AT_ONCE:
            return noted


@transaction.atomic
def look() -> tuple[int, int]:
    """Look at some bills: how many these were, and how many events were noted."""
    with connection.cursor() as cursor:
        cursor.execute(RIPE, [LONGEST, AT_ONCE])
        readings = [key for (key,) in cursor.fetchall()]
    noted = 0
    for period, hours in hours_of(readings).items():
        try:
            with transaction.atomic():
                noted += note(period, hours)
        except Exception:  # one bill of many: the others are still looked at
            logger.exception("Looking again at the usage of period %s failed.", period)
            hand_over(period)
    UsageReading.objects.filter(pk__in=readings, held=False).delete()
    return len(readings), noted


@transaction.atomic
def look_at(period_id: UUID) -> None:
    """Look at one bill whose look has failed. Nothing when it has been looked at."""
    rows = UsageReading.objects.select_for_update().filter(period=period_id)
    readings = list(rows.values_list("pk", flat=True))
    for period, hours in hours_of(readings).items():
        note(period, hours)
    UsageReading.objects.filter(pk__in=readings).delete()


def hours_of(readings: Sequence[int]) -> dict[UUID, list[datetime]]:
    """{period: the hours with usage that its bill may not have seen}, in order."""
    hours: dict[UUID, list[datetime]] = {}
    with connection.cursor() as cursor:
        cursor.execute(HOURS, [list(readings)])
        for period, hour in sorted(cursor.fetchall()):
            hours.setdefault(period, []).append(hour)
    return hours


def hand_over(period_id: UUID) -> None:
    """Hold a look that failed and make a job of it: it has a reason and a button."""
    UsageReading.objects.filter(period=period_id).update(held=True)
    period = InvoicedPeriod.objects.select_related("organization", "subscription").get(pk=period_id)
    later.enqueue_again(
        period.organization,
        "invoicing.second_look",
        key=f"second-look:{period.pk}",
        label=f"Late events of {period.subscription}, {period}",
        subject_id=period.pk,
    )


def note(period_id: UUID, hours: Sequence[datetime]) -> int:
    """Note the events of these hours that the bill lacks; how many. Of each metric as many as are missing and not
    noted yet: first those that its snapshot surely did not see, then the latest.
    """
    found: list[tuple[UUID, UUID, datetime, bool]] = []
    with connection.cursor() as cursor:
        for hour in hours:
            cursor.execute(EVENTS, [hour, hour, period_id])
            found += cursor.fetchall()
    if not found:
        return 0
    periods: Any = InvoicedPeriod.objects.select_related("invoice", "subscription__plan")
    period = periods.get(pk=period_id)
    missing = missing_of(period)
    rows: list[LateEvent] = []
    for event, metric, moment, _ in sorted(found, key=lambda row: (row[3], -row[0].int)):
        if missing[metric] > 0:
            missing[metric] -= 1
            rows.append(
                LateEvent(
                    organization_id=period.organization_id,
                    subscription_id=period.subscription_id,
                    event_id=event,
                    timestamp=moment,
                )
            )
    LateEvent.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def missing_of(period: InvoicedPeriod) -> Counter[UUID]:
    """How many events of each metric the bill of a period lacks that are not noted."""
    usage = late_usage(period)
    missing: Counter[UUID] = Counter()
    for row in usage.charges if usage else ():
        if row.charge is not None:
            missing[row.charge.metric_id] = max(missing[row.charge.metric_id], row.events)
    with connection.cursor() as cursor:
        cursor.execute(NOTED, [period.subscription_id, period.start, period.end])
        missing.subtract(dict(cursor.fetchall()))
    return missing
