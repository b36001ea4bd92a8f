"""Which subscription and metric an event belongs to.

Law: an event belongs to the subscription of that external id whose life [started_at, ended) covers the
event's moment; where an external id has been used again, the moment decides. What a change of plan has scheduled
begins at its moment, also before the billing run has switched them. An event may also name a subscription by its id;
then only that one is taken, or the one that a change of its plan put in its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from billing.models import Organization, QuarantinedEvent, Subscription
from billing.orm.arrays import text_array
from billing.orm.planned import planned
from billing.rules.aggregation import parse_value
from billing.rules.events import MAX_VALUE_TEXT
from billing.rules.expressions import EventFacts, Expression, NotComputable, plain_text, read_expression
from billing.rules.ids import decode, encode

TOO_FINE = "Has more digits than can be counted (25 before and 30 after the point)."

# Both kinds of rows at once: every event waits for this. Where an external id was used again, latest first.
NAMED = """
    (SELECT NULL, NULL, NULL, NULL, NULL, id, external_id, coalesce(started_at, takes_over_at) AS begins,
            coalesce(terminated_at, canceled_at), coalesce(first_id, id), usage_closed_until
     FROM billing_subscription
     WHERE organization_id = %s AND (
         external_id = ANY(%s::text[]) OR id = ANY(%s::uuid[]) OR first_id IN (
             SELECT coalesce(first_id, id) FROM billing_subscription WHERE id = ANY(%s::uuid[])
         )
     )
     ORDER BY begins DESC NULLS LAST)
    UNION ALL
    (SELECT field_name, expression, dimensions, aggregation IN ('sum', 'max', 'latest', 'weighted_sum'),
            EXISTS (SELECT FROM billing_charge AS charge WHERE charge.metric_id = billing_metric.id
                    AND charge.pay_in_advance), id, code, NULL, NULL, NULL, NULL
     FROM billing_metric WHERE organization_id = %s AND code = ANY(%s::text[]) AND deleted_at IS NULL)
"""


class Named(Protocol):
    """What an event refers to."""

    subscription: str
    code: str


class Reading(NamedTuple):
    """What a metric reads on an event: the number, the text, and at which field (and why) it could not."""

    value: Decimal | None = None
    text: str | None = None
    field: str = ""
    problem: str = ""


ABSENT = Reading()


@dataclass(frozen=True, slots=True)
class MetricField:
    """A metric as ingestion needs it: which property it reads or what it computes, whether as a number, and by which
    properties its roll-ups are divided."""

    id: str
    field_name: str
    numeric: bool
    formula: Expression | None = None
    dimensions: tuple[str, ...] = ()

    def read(self, code: str, moment: datetime, properties: dict[str, Any]) -> Reading:
        """The value of an event.

        Text that is no number is simply not counted by sums; a JSON number that does not fit is a mistake that the
        sender must hear of, and so is whatever the metric's expression cannot be computed with.
        """
        if self.formula is not None:
            return self.computed(EventFacts(code, moment, properties))
        if not self.field_name:
            return ABSENT
        raw = properties.get(self.field_name)
        kind = type(raw)
        if raw is None or raw == "" or kind is dict or kind is list:
            return ABSENT
        value = parse_value(raw)
        if value is None and self.numeric and kind in (int, Decimal):
            return Reading(None, None, f"properties.{self.field_name}", TOO_FINE)
        return Reading(value, str(raw)[:MAX_VALUE_TEXT])

    def computed(self, event: EventFacts) -> Reading:
        """The value of the metric's expression."""
        assert self.formula is not None  # noqa: S101 - the caller has looked
        try:
            found = self.formula.number(event) if self.numeric else self.formula.value(event)
        except NotComputable as problem:
            return Reading(None, None, problem.field, problem.message)
        text = plain_text(found)
        if not text:
            return ABSENT
        return Reading(found if isinstance(found, Decimal) else parse_value(found), text)


@dataclass(frozen=True, slots=True)
class Life:
    """A subscription and the moments between which its usage counts (None: not begun, not ended)."""

    id: str
    external_id: str
    started_at: datetime | None
    ended_at: datetime | None
    first: str = ""
    closed_until: datetime | None = None  # up to where its usage is on final invoices

    def covers(self, moment: datetime) -> bool:
        """Whether an event of that moment counts."""
        if self.started_at is None or moment < self.started_at:
            return False
        return self.ended_at is None or moment < self.ended_at


@dataclass(slots=True)
class Attachment:
    """The subscriptions and metrics that a batch of events refers to; `dimensions` by which roll-ups of some metrics
    are divided, and the metrics that some charge bills `in_advance`; `late`: the subscriptions of which an event came
    when its usage was on a final invoice.
    """

    metrics: dict[str, MetricField]
    by_external_id: dict[str, list[Life]] = field(default_factory=dict)
    by_id: dict[str, Life] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    dimensions: dict[str, list[str]] = field(default_factory=dict)
    lines: dict[str, list[Life]] = field(default_factory=dict)
    in_advance: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, organization: Organization, events: Iterable[Named]) -> Attachment:
        """Look up everything the events name: one query, whatever their number."""
        references: set[str] = set()
        codes: set[str] = set()
        for event in events:
            references.add(event.subscription)
            codes.add(event.code)
        return cls.named(organization, references, codes)

    @classmethod
    def named(cls, organization: Organization, references: set[str], codes: set[str]) -> Attachment:
        """The same from the names themselves."""
        keys = [key for text in references if (key := decode(Subscription.PREFIX, text))]
        attachment = cls({})
        with planned() as cursor:
            texts, all_codes = text_array(references), text_array(codes)
            cursor.execute(NAMED, [organization.pk, texts, keys, keys, organization.pk, all_codes])
            for field_name, formula, dims, numeric, at_once, key, name, *lived in cursor.fetchall():
                if field_name is not None:
                    ready = read_expression(formula) if formula else None
                    field = MetricField(str(key), field_name, numeric, ready, tuple(dims))
                    attachment.metrics[name] = field
                    if dims:
                        attachment.dimensions[field.id] = dims
                    if at_once:
                        attachment.in_advance.append(field.id)
                    continue
                start, end, first, closed = lived
                life = Life(str(key), name, start, end, str(first), closed)
                attachment.by_external_id.setdefault(name, []).append(life)
                attachment.by_id[life.id] = life
                attachment.lines.setdefault(life.first, []).append(life)
        return attachment

    def subscription(self, reference: str, moment: datetime) -> tuple[str, str | None, str | None, str]:
        """What a reference means at a moment: the external id, the subscription that counts the event, the
        one that was named by its id, and the reason when none counts it.
        """
        lives = self.by_external_id.get(reference)
        if lives is not None:
            for life in lives:
                if life.covers(moment):
                    self.note_late(life, moment)
                    return life.external_id, life.id, None, ""
            return reference, None, None, "outside_subscription"
        key = decode(Subscription.PREFIX, reference)
        named = self.by_id.get(str(key)) if key else None
        if named is None:
            return reference, None, None, "unknown_subscription"
        for life in self.lines[named.first]:
            if life.covers(moment):
                self.note_late(life, moment)
                return life.external_id, life.id, named.id, ""
        return named.external_id, None, named.id, "outside_subscription"

    def note_late(self, life: Life, moment: datetime) -> None:
        """Remember a subscription of which an event came when its usage was on a final invoice."""
        if life.closed_until is not None and moment < life.closed_until:
            self.late.add(life.id)


def reference_of(waiting: QuarantinedEvent) -> str:
    """How a quarantined event named its subscription: by id, or by external id."""
    if waiting.subscription_id is not None:
        return encode(Subscription.PREFIX, waiting.subscription_id)
    return waiting.external_subscription_id
