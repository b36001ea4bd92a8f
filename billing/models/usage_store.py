"""The SQL that stores usage: many events in one statement, together with their hourly roll-ups.

Rows travel as arrays (`unnest`), because 1,000 rows are then one short statement. The unique constraint
alone decides what is new (ON CONFLICT DO NOTHING); only rows that were really inserted reach the roll-up, in
the same statement. Everything is written in the order of its unique key, and every writer goes quarantine,
events, roll-ups: two batches can wait for each other, but never in a circle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import uuid_utils

from billing.orm.arrays import plain_array, text_array
from billing.orm.planned import planned


class EventRow(NamedTuple):
    """A row of `billing_event` to be stored, in the order of the statement's columns.

    Ids and the moment are text already, `properties` is JSON text, `content_hash` 32 hex digits.
    """

    id: str
    subscription_id: str
    metric_id: str
    external_subscription_id: str
    transaction_id: str
    timestamp: str
    value: Decimal | None
    text_value: str | None
    removes: bool
    amount: Decimal | None
    properties: str
    content_hash: str


class QuarantineRow(NamedTuple):
    """A row of `billing_quarantinedevent` to be kept, likewise."""

    id: str
    subscription_id: str | None
    external_subscription_id: str
    code: str
    transaction_id: str
    timestamp: str
    amount: Decimal | None
    properties: str
    content_hash: str
    reason: str


STORE = """
WITH {declared}incoming AS (
    SELECT * FROM unnest(
        %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::timestamptz[],
        %s::numeric[], %s::text[], %s::boolean[], %s::numeric[], %s::jsonb[], %s::text[]
    ) AS row(id, subscription_id, metric_id, external_subscription_id, transaction_id, "timestamp",
             value, text_value, removes, amount, properties, content_hash)
), stored AS (
    INSERT INTO billing_event (
        id, organization_id, subscription_id, metric_id, external_subscription_id, transaction_id,
        "timestamp", received_at, value, text_value, removes, amount, properties, content_hash
    )
    SELECT id, %s, subscription_id, metric_id, external_subscription_id, transaction_id,
           "timestamp", %s, value, text_value, removes, amount, properties, decode(content_hash, 'hex')
    FROM incoming {keep}
    ORDER BY external_subscription_id, transaction_id
    ON CONFLICT (organization_id, external_subscription_id, transaction_id) DO NOTHING
    RETURNING id, subscription_id, metric_id, "timestamp", value, amount{properties}
){in_advance}{late}, rolled AS (
    INSERT INTO billing_usagehour AS old (
        organization_id, subscription_id, metric_id, hour, facet, events_count, values_count,
        sum_value, amount_sum, held, max_value, latest_value, latest_at, latest_event
    )
    SELECT %s, subscription_id, metric_id, date_trunc('hour', "timestamp", 'UTC'), {facet},
           {totals}
    FROM {stored}
    GROUP BY subscription_id, metric_id, date_trunc('hour', "timestamp", 'UTC'){by_facet}
    ORDER BY subscription_id, metric_id, date_trunc('hour', "timestamp", 'UTC'){by_facet}
    ON CONFLICT (subscription_id, metric_id, hour, md5(facet::text)) DO UPDATE SET
        events_count = old.events_count + excluded.events_count,
        values_count = old.values_count + excluded.values_count,
        sum_value = old.sum_value + excluded.sum_value,
        amount_sum = old.amount_sum + excluded.amount_sum,
        held = old.held + excluded.held,
        max_value = greatest(old.max_value, excluded.max_value),
        latest_value = CASE WHEN {later} THEN excluded.latest_value ELSE old.latest_value END,
        latest_at = CASE WHEN {later} THEN excluded.latest_at ELSE old.latest_at END,
        latest_event = CASE WHEN {later} THEN excluded.latest_event ELSE old.latest_event END
)
SELECT count(*) FROM stored
"""
# What the events of an hour come to, in the order of the roll-up's columns.
TOTALS = """count(*), count(value), coalesce(sum(value), 0), coalesce(sum(amount), 0),
           coalesce(sum(value * (3600 - extract(epoch FROM "timestamp") %% 3600)), 0), max(value),
           (array_agg(value ORDER BY "timestamp" DESC, id DESC) FILTER (WHERE value IS NOT NULL))[1],
           (array_agg("timestamp" ORDER BY "timestamp" DESC, id DESC) FILTER (WHERE value IS NOT NULL))[1],
           (array_agg(id ORDER BY "timestamp" DESC, id DESC) FILTER (WHERE value IS NOT NULL))[1]"""
# A batch whose metrics have no dimensions has the empty facet throughout and is spared looking at properties.
UNDIVIDED = {"declared": "", "properties": "", "facet": "'{}'::jsonb", "stored": "stored", "by_facet": ""}
DIVIDED = {
    "declared": """declared AS (
    SELECT key::uuid AS metric_id, ARRAY(SELECT jsonb_array_elements_text(value)) AS dimensions
    FROM jsonb_each(%s::jsonb)
), """,
    "properties": ", properties",
    "facet": "facet",
    "stored": """(
        SELECT stored.*, coalesce(usage_facet(properties, dimensions), '{}') AS facet
        FROM stored LEFT JOIN declared USING (metric_id)
    ) AS divided""",
    "by_facet": ", facet",
}
# Events of charges in advance are billed soon after: what is to be billed stands beside what was stored.
IN_ADVANCE = """, waiting AS (
    INSERT INTO billing_advanceevent (organization_id, subscription_id, event_id, held)
    SELECT %s, subscription_id, id, false FROM stored WHERE metric_id = ANY(%s::uuid[]) ORDER BY id
)"""
# What came when its usage was on a final invoice already, for whom asks what no invoice asks for. Charges in advance
# bill their events whenever they come.
LATE = """, too_late AS (
    INSERT INTO billing_lateevent (organization_id, subscription_id, event_id, "timestamp")
    SELECT %s, stored.subscription_id, stored.id, stored."timestamp"
    FROM stored JOIN billing_subscription AS subscription ON subscription.id = stored.subscription_id
    WHERE stored.subscription_id = ANY(%s::uuid[]) AND stored."timestamp" < subscription.usage_closed_until
        AND EXISTS (
            SELECT FROM billing_charge AS charge WHERE charge.plan_id = subscription.plan_id
            AND charge.metric_id = stored.metric_id AND NOT charge.pay_in_advance
        )
    ORDER BY stored.id
)"""
EVENT_TEXTS = frozenset({"external_subscription_id", "transaction_id", "text_value", "properties"})
QUARANTINE_TEXTS = frozenset({"external_subscription_id", "code", "transaction_id", "properties"})
LATER = (
    "(old.latest_at IS NULL OR"
    " (excluded.latest_at, excluded.latest_event) > (old.latest_at, old.latest_event))"
)
NOT_QUARANTINED = """WHERE NOT EXISTS (
        SELECT FROM billing_quarantinedevent AS waiting WHERE waiting.organization_id = %s
        AND waiting.external_subscription_id = incoming.external_subscription_id
        AND waiting.transaction_id = incoming.transaction_id
    )"""
QUARANTINE = """
INSERT INTO billing_quarantinedevent (
    id, organization_id, created_at, updated_at, subscription_id, external_subscription_id, code,
    transaction_id, "timestamp", amount, properties, content_hash, reason
)
SELECT id, %s, %s, %s, subscription_id, external_subscription_id, code,
       transaction_id, "timestamp", amount, properties, decode(content_hash, 'hex'), reason
FROM unnest(
    %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::timestamptz[],
    %s::numeric[], %s::jsonb[], %s::text[], %s::text[]
) AS row(id, subscription_id, external_subscription_id, code, transaction_id, "timestamp",
         amount, properties, content_hash, reason)
WHERE NOT EXISTS (
    SELECT FROM billing_event AS known WHERE known.organization_id = %s
    AND known.external_subscription_id = row.external_subscription_id
    AND known.transaction_id = row.transaction_id
)
ORDER BY external_subscription_id, transaction_id
ON CONFLICT (organization_id, external_subscription_id, transaction_id) DO NOTHING
"""
# Only subscriptions that somebody watches, and customers with a wallet in use: others cost looks into small indexes.
TOUCH = """
WITH credits AS (
    INSERT INTO billing_walletactivity (organization_id, customer_id)
    SELECT DISTINCT %(organization)s::uuid, subscription.customer_id FROM billing_subscription AS subscription
    WHERE subscription.id = ANY(%(subscriptions)s::uuid[]) AND EXISTS (
        SELECT FROM billing_wallet
        WHERE customer_id = subscription.customer_id AND status = 'active' AND NOT untouched
    )
)
INSERT INTO billing_usageactivity (organization_id, subscription_id)
SELECT %(organization)s::uuid, subscription.id FROM billing_subscription AS subscription
WHERE subscription.id = ANY(%(subscriptions)s::uuid[]) AND (
    EXISTS (SELECT FROM billing_usagethreshold WHERE plan_id = subscription.plan_id)
    OR EXISTS (SELECT FROM billing_usagethreshold WHERE subscription_id = subscription.id)
    OR EXISTS (SELECT FROM billing_alert WHERE subscription_id = subscription.id AND deleted_at IS NULL)
)
"""
# Each looked up by itself, at most one of a kind: left to choose, the planner reads all events of the organization
# while it knows little of a young table, which one repeat in a batch is enough for.
KNOWN = """
WITH asked AS (SELECT * FROM unnest(%s::text[], %s::text[]) AS row(subscription, transaction))
SELECT subscription, transaction, known.id, encode(known.content_hash, 'hex'), false
FROM asked CROSS JOIN LATERAL (
    SELECT id, content_hash FROM billing_event WHERE organization_id = %s
        AND external_subscription_id = subscription AND transaction_id = transaction LIMIT 1
) AS known
UNION ALL
SELECT subscription, transaction, waiting.id, encode(waiting.content_hash, 'hex'), true
FROM asked CROSS JOIN LATERAL (
    SELECT id, content_hash FROM billing_quarantinedevent WHERE organization_id = %s
        AND external_subscription_id = subscription AND transaction_id = transaction LIMIT 1
) AS waiting
"""


def store(
    organization_id: UUID,
    rows: Sequence[EventRow],
    at: datetime,
    *,
    dimensions: Mapping[str, Sequence[str]],
    in_advance: Collection[str] = (),
    late: Collection[str] = (),
    matched: bool = False,
) -> int:
    """Insert the rows that are new and roll them up; how many were new. `dimensions`: {metric id: its properties by
    which the roll-ups are divided}, of the metrics that have any; `in_advance`: the metrics whose events some charge
    bills at once; `late`: the subscriptions of which some may come after their invoice.

    A transaction id that waits in quarantine counts as known, except for the rows that are just being taken
    out of it (`matched`).
    """
    keep = "" if matched else NOT_QUARANTINED
    sql = STORE.format(
        keep=keep,
        later=LATER,
        totals=TOTALS,
        in_advance=IN_ADVANCE if in_advance else "",
        late=LATE if late else "",
        **(DIVIDED if dimensions else UNDIVIDED),
    )
    values: list[Any] = [*arrays(rows, EVENT_TEXTS), organization_id, at]
    if dimensions:
        values.insert(0, orjson.dumps(dimensions).decode())
    if not matched:
        values.append(organization_id)
    if in_advance:
        values += [organization_id, plain_array(in_advance)]
    if late:
        values += [organization_id, plain_array(late)]
    with planned() as cursor:
        cursor.execute(sql, [*values, organization_id])
        return int(cursor.fetchone()[0])


def touch(organization_id: UUID, subscription_ids: Iterable[str]) -> None:
    """Note that subscriptions which thresholds or alerts watch have new events, and customers with credits."""
    asked: dict[str, UUID | str] = {
        "organization": organization_id,
        "subscriptions": plain_array(subscription_ids),
    }
    with planned() as cursor:
        cursor.execute(TOUCH, asked)


def quarantine(organization_id: UUID, rows: Sequence[QuarantineRow], at: datetime) -> int:
    """Keep the rows whose transaction id is not known yet; how many were new."""
    with planned() as cursor:
        cursor.execute(
            QUARANTINE,
            [organization_id, at, at, *arrays(rows, QUARANTINE_TEXTS), organization_id],
        )
        return int(cursor.rowcount)


@dataclass(frozen=True, slots=True)
class Known:
    """A stored event: its id, the hash of its content, and whether it waits in quarantine."""

    id: UUID
    content_hash: str
    waiting: bool


def known(organization_id: UUID, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Known]:
    """The stored events with these (external subscription id, transaction id)."""
    asked = [text_array(key[0] for key in keys), text_array(key[1] for key in keys)]
    with planned() as cursor:
        cursor.execute(KNOWN, [*asked, organization_id, organization_id])
        found: dict[tuple[str, str], Known] = {}
        for subscription, transaction, key, content_hash, waiting in cursor.fetchall():
            # An event that counts goes before a copy of it that still waits.
            found.setdefault((subscription, transaction), Known(key, content_hash, waiting))
        return found


def arrays(rows: Sequence[EventRow] | Sequence[QuarantineRow], texts: frozenset[str]) -> list[str]:
    """The columns of the rows as PostgreSQL arrays; `texts` names the columns that hold any text."""
    columns = zip(*rows, strict=True)
    return [
        text_array(column) if name in texts else plain_array(column)
        for name, column in zip(rows[0]._fields, columns, strict=True)
    ]


def new_key() -> str:
    """The text of a new UUIDv7; those of one process come in rising order."""
    return str(uuid_utils.uuid7())
