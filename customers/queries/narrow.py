"""Which customers a list asks for: search and filters, as conditions that indexes answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import ceil, floor
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import BigIntegerField, Case, Exists, F, OuterRef, Q, QuerySet, Sum, Value, When
from django.db.models.fields.json import KeyTextTransform, KeyTransform

from billing.models import Organization, Subscription
from billing.orm.search import fold, matches
from billing.rules.money import EXPONENTS
from customers.models import Customer, CustomField, FieldKind
from customers.queries.overview import LIVE_VALUES
from customers.queries.tags import tag_names
from invoicing.models import Invoice

SAME = ("status", "currency", "country", "customer_type", "vat_status", "mode")
WHOLE = 3  # letters from which on a part of a text is found, not only its beginning
MOST_OWNERS = 200


@dataclass(frozen=True)
class Narrowed:
    """The same rows twice: `rows` for indexes that find few, `walk` for walking along the order among many."""

    rows: QuerySet[Any]
    walk: QuerySet[Any]


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
    owed = outstanding(organization, values)
    few, many = searched(organization, values["q"]) if "q" in values else (Q(), Q())
    return Narrowed(rows.filter(few, owed[0]), rows.filter(many, owed[1]))


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
    unpaid = Invoice.objects.of(organization).unpaid()
    late = Exists(unpaid.filter(due_on__lt=today, customer=OuterRef("pk")))
    return rows.filter(late if values["overdue"] == "yes" else ~late)


def outstanding(organization: Organization, values: Mapping[str, Any]) -> tuple[Q, Q]:
    """By what is to be paid in the customer's currency, between two amounts of major units. For few matches all
    customers' sums are made at once, for many the sum of each customer that is met.
    """
    low, high = values.get("outstanding_min"), values.get("outstanding_max")
    if low is None and high is None:
        return Q(), Q()
    unpaid = Invoice.objects.of(organization).unpaid().order_by()
    own = unpaid.filter(customer=OuterRef("pk"))
    few = Q(pk__in=between(unpaid.filter(currency=F("customer__currency")), low, high).values("customer"))
    many = Q(Exists(between(own.filter(currency=OuterRef("currency")), low, high)))
    if not low:  # nothing to pay lies below any amount
        few |= ~Q(pk__in=unpaid.values("customer"))
        many |= ~Q(Exists(own))
    return few, many


def between(unpaid: QuerySet[Any], low: Decimal | None, high: Decimal | None) -> QuerySet[Any]:
    """Sums by customer and currency, within the bounds."""
    sums = unpaid.values("customer", "currency").annotate(due=Sum(F("total_minor") - F("paid_minor")))
    if low:
        sums = sums.filter(due__gte=in_minor(low, ceil))
    if high is not None:
        sums = sums.filter(due__lte=in_minor(high, floor))
    return sums


def in_minor(amount: Decimal, rounded: Callable[[Decimal], int]) -> Case:
    """A bound of major units in the minor ones of an invoice's currency."""
    usual = EXPONENTS["EUR"]
    others: dict[int, list[str]] = {}
    for code, digits in EXPONENTS.items():
        if digits != usual:
            others.setdefault(digits, []).append(code)
    whens = [
        When(currency__in=codes, then=Value(rounded(amount.scaleb(digits))))
        for digits, codes in others.items()
    ]
    return Case(*whens, default=Value(rounded(amount.scaleb(usual))), output_field=BigIntegerField())


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
    for side, way in (("min", "gte"), ("max", "lte")):
        bound = values.get(f"{name}_{side}")
        if bound is not None:
            stored = bound.isoformat() if isinstance(bound, date) else float(bound)
            rows = rows.alias(**{f"value_{field.pk.hex}": KeyTransform(field.code, "custom_fields")})
            rows = rows.filter(**{f"value_{field.pk.hex}__{way}": stored})
    return rows


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
