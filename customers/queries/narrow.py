"""Which customers a list asks for: search and filters, as conditions that indexes answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform

from billing.models import Organization, Subscription
from billing.orm.search import fold, matches
from customers.models import Customer, CustomField, FieldKind, OwnValue
from customers.queries.overview import LIVE_VALUES
from customers.queries.tags import tag_names
from invoicing.models import Invoice, Outstanding

SAME = ("status", "currency", "country", "customer_type", "vat_status", "mode")
WHOLE = 3  # letters from which on a part of a text is found, not only its beginning
MOST_OWNERS = 200


@dataclass(frozen=True)
class Narrowed:
    """The same rows twice: `rows` for indexes that find few, `walk` for walking along the order among many. `costly`:
    matches are only known by reading the rows themselves, so that they are counted and sorted in one go.
    """

    rows: QuerySet[Any]
    walk: QuerySet[Any]
    costly: bool = False


def narrowed(
    organization: Organization, values: Mapping[str, Any], fields: Sequence[CustomField], *, today: date
) -> Narrowed:
    """Customers that are not deleted, and that every filter lets through. `values` are those of the filters' form:
    only what is asked for; `fields` the custom fields that it may filter by.
    """
    rows: QuerySet[Any] = Customer.objects.of(organization).kept()
    for name in SAME:
        if name in values:
            rows = rows.filter(**{name: values[name]})
    if "entity" in values:
        rows = rows.filter(billing_entity=values["entity"])
    if "subscriptions" in values:
        mine = Subscription.objects.of(organization).filter(customer=OuterRef("pk"))
        live = Exists(mine.filter(status__in=LIVE_VALUES))
        rows = rows.filter(live if values["subscriptions"] == "yes" else ~live)
    if "tags" in values:
        rows = rows.filter(tagged(organization, values["tags"]))
    rows = overdue(rows, organization, values, today)
    zone = ZoneInfo(organization.timezone)
    if "created_from" in values:
        rows = rows.filter(created_at__gte=start_of(values["created_from"], zone))
    if "created_to" in values:
        rows = rows.filter(created_at__lt=start_of(values["created_to"] + timedelta(days=1), zone))
    for field in fields:
        rows = with_value(rows, field, values)
    rows = rows.filter(outstanding(organization, values))
    few, many = searched(organization, values["q"]) if "q" in values else (Q(), Q())
    costly = any(name in ("q", "tags") or name.startswith("field_") for name in values)
    return Narrowed(rows.filter(few), rows.filter(many), costly)


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day."""
    return datetime.combine(day, time.min, zone)


def tagged(organization: Organization, names: Sequence[str]) -> Q:
    """All of these tags (names without case); a name that no tag has finds nobody."""
    known = {name.casefold(): key for key, name in tag_names(organization).items()}
    wanted = [known.get(name.casefold()) for name in names]
    return Q(pk__in=[]) if None in wanted else Q(tag_ids__contains=wanted)


def overdue(rows: Any, organization: Organization, values: Mapping[str, Any], today: date) -> QuerySet[Any]:
    """With something to be paid that is late, or without."""
    if "overdue" not in values:
        return rows
    mine = Invoice.objects.of(organization).overdue(today)
    late = Exists(mine.filter(customer=OuterRef("pk")))
    return rows.filter(late if values["overdue"] == "yes" else ~late)


def outstanding(organization: Organization, values: Mapping[str, Any]) -> Q:
    """By what is to be paid in the customer's currency, between two amounts of major units."""
    low, high = values.get("outstanding_min"), values.get("outstanding_max")
    own = Outstanding.objects.of(organization).filter(
        customer=OuterRef("pk"), currency=OuterRef("currency"), due_minor__gt=0
    )
    if low:
        own = own.filter(amount__gte=low)
        return Q(Exists(own.filter(amount__lte=high) if high is not None else own))
    # Nothing to pay lies below any amount.
    return ~Q(Exists(own.filter(amount__gt=high))) if high is not None else Q()


def with_value(rows: Any, field: CustomField, values: Mapping[str, Any]) -> QuerySet[Any]:
    """By a custom field: equal for a choice or yes-and-no, contained for texts, between for numbers and dates."""
    name = f"field_{field.code}"
    if name in values:
        given = values[name]
        if field.kind == FieldKind.BOOLEAN:
            given = given == "yes"
        if field.kind in (FieldKind.BOOLEAN, FieldKind.CHOICE):
            return rows.filter(custom_fields__contains={field.code: given})
        rows = rows.alias(**{f"text_{field.pk.hex}": KeyTextTransform(field.code, "custom_fields")})
        return rows.filter(**{f"text_{field.pk.hex}__icontains": given})
    bounds: dict[str, Any] = {}
    for side, way in (("min", "gte"), ("max", "lte")):
        bound = values.get(f"{name}_{side}")
        if bound is not None:
            bounds[f"value__{way}"] = bound.isoformat() if isinstance(bound, date) else float(bound)
    if not bounds:
        return rows
    kept = OwnValue.objects.of(field.organization_id).filter(code=field.code, customer=OuterRef("pk"))
    return rows.filter(Exists(kept.filter(**bounds)))


def searched(organization: Organization, term: str) -> tuple[Q, Q]:
    """Name, e-mail, IDs, tax numbers, tags and phone by any part; invoices by the beginning of their number. Of less
    than three letters the beginning of a name, an e-mail or an external ID. For few matches, and for many.
    """
    words = fold(term).split()
    if max(map(len, words), default=0) < WHOLE:
        starts = Q()
        for spelling in sorted({term, term.lower(), term.upper(), term.capitalize()}):
            starts |= Q(name__startswith=spelling) | Q(external_id__startswith=spelling)
        starts |= Q(email__startswith=term.lower())
        return starts, starts
    few, many = matches(term), matches(term, walk=True)
    owners = invoiced(organization, term)
    if owners:
        few, many = few | Q(pk__in=owners), many | Q(pk__in=owners)
    return few, many


def invoiced(organization: Organization, term: str) -> list[Any]:
    """Whose invoices have a number that begins so; only texts with a digit can be numbers."""
    if " " in term or not any(char.isdigit() for char in term):
        return []
    numbered = Invoice.objects.of(organization).filter(
        Q(number__startswith=term.upper()) | Q(number__startswith=term)
    )
    return list(numbered.order_by().values_list("customer", flat=True).distinct()[:MOST_OWNERS])
