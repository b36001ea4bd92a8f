"""Narrowing lists of documents by words, days, amounts, customers and states: for pages, files and the API."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.apps import apps
from django.db.models import Exists, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from billing.models import Organization
from billing.orm.metadata import with_value
from billing.orm.scoped import ScopedQuerySet
from billing.orm.search import fold, matching
from billing.rules.ids import decode
from billing.rules.money import EXPONENTS, exact
from invoicing.models import InvoiceReview, Refund
from invoicing.rules.states import DisputeState, InvoiceStatus, PaymentStatus

FINAL = Q(status=InvoiceStatus.FINALIZED.value)
PAID = Q(payment_status=PaymentStatus.PAID.value)
GIVEN_UP = Q(written_off_minor__gt=0)
CONTESTED = Q(dispute=DisputeState.OPEN.value)
USUAL_DECIMALS = 2
PLAIN = {"type": "type", "currency": "currency", "status": "status", "entity": "billing_entity"}
TEXTS = {"number": "number__icontains", "po": "purchase_order__icontains"}
DAYS = {
    "issued_from": "issuing_on__gte",
    "issued_to": "issuing_on__lte",
    "due_from": "due_on__gte",
    "due_to": "due_on__lte",
}
NOTE_KINDS = {
    "credit": Q(total_minor__gt=0) & ~Q(refund_minor__gt=0) & ~Q(offset_minor__gt=0),
    "refund": Q(refund_minor__gt=0),
    "offset": Q(offset_minor__gt=0),
}
REFUNDED = Q(refund_minor__gt=0, total_minor=F("refund_minor") + F("offset_minor"))
NOTE_STATES = {  # as `listing.note_state` says it
    "available": Q(status="finalized", balance_minor__gt=0),
    "consumed": Q(status="finalized", balance_minor=0) & ~REFUNDED,
    "refunded": Q(status="finalized") & REFUNDED,
    "voided": Q(status="voided"),
}


def overdue(today: date) -> Q:
    """Issued, not paid, past its due day, and not in dispute."""
    return FINAL & ~PAID & ~CONTESTED & Q(due_on__lt=today)


def invoices_narrowed(
    rows: ScopedQuerySet, organization: Organization, values: dict[str, Any], today: date
) -> ScopedQuerySet:
    """Invoices narrowed by `values`: status, payment, type, currency, entity (a row), number, po, amount_min and
    amount_max (major units), issued, due and paid _from and _to (days, those of payment in the organization's zone),
    overdue and disputed (yes, no), review, tag (a tag's id), metadata ("key" or "key=value").
    """
    found = rows.filter(**{column: values[name] for name, column in PLAIN.items() if name in values})
    found = found.filter(**{lookup: values[name] for name, lookup in TEXTS.items() if name in values})
    found = on_days(found, values).filter(amount_within(values, "total_minor"))
    if "payment" in values:
        found = found.filter(payment_state(values["payment"]))
    for name, condition in (("overdue", overdue(today)), ("disputed", FINAL & ~PAID & CONTESTED)):
        if name in values:
            found = found.filter(condition if values[name] == "yes" else ~condition)
    if "review" in values:
        waiting = InvoiceReview.objects.of(organization).current(today).waiting()
        found = found.filter(pk__in=waiting.values("invoice"))
    if "tag" in values:
        customers = apps.get_model("customers", "Customer").objects.of(organization)
        found = found.filter(customer__in=customers.filter(tag_ids__contains=[values["tag"]]).values("pk"))
    if "metadata" in values:
        found = found.filter(with_metadata(values["metadata"]))
    return in_moments(found, values, "paid", "paid_at", ZoneInfo(organization.timezone))


def with_metadata(text: str) -> Q:
    """Documents that have a key ("key"), or a value there ("key=value"): as a text, or as the number or truth
    that it reads as.
    """
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        return Q(metadata__has_key=key)
    return with_value(key, value)


def payment_state(word: str) -> Q:
    """How far an issued invoice is paid: unpaid, partially_paid, failed, paid, written_off."""
    if word == "unpaid":
        return FINAL & Q(payment_status=PaymentStatus.PENDING.value)
    if word == "written_off":
        return FINAL & GIVEN_UP
    return FINAL & Q(payment_status=word) & ~GIVEN_UP


def credit_notes_narrowed(rows: ScopedQuerySet, values: dict[str, Any]) -> ScopedQuerySet:
    """Credit notes narrowed by `values`: currency, state (of the balance), kind, refund (its status), reason, entity
    (a row), number, invoice (number), amount_min and amount_max (major units), issued_from and issued_to.
    """
    found = on_days(rows, values).filter(amount_within(values, "total_minor"))
    for name, lookup in (
        ("currency", "currency"),
        ("reason", "reason"),
        ("entity", "invoice__billing_entity"),
        ("number", "number__icontains"),
        ("invoice", "invoice__number__icontains"),
    ):
        if name in values:
            found = found.filter(**{lookup: values[name]})
    for name, conditions in (("state", NOTE_STATES), ("kind", NOTE_KINDS)):
        if values.get(name) in conditions:
            found = found.filter(conditions[values[name]])
    if "refund" in values:
        found = found.filter(refund_stands(values["refund"]))
    return found


def refund_stands(word: str) -> Q:
    """How far the money that a credit note gives back has gone, as `payloads.refund_status` says it: succeeded,
    pending, failed.
    """
    mine = Refund.objects.filter(credit_note=OuterRef("pk"))
    gone = mine.filter(status="successful").order_by().values("credit_note")
    whole = Q(
        refund_minor__lte=Coalesce(Subquery(gone.annotate(minor=Sum("amount_minor")).values("minor")), 0)
    )
    pending = Q(Exists(mine.filter(status="pending")))
    found = {"succeeded": whole, "pending": ~whole & pending, "failed": ~whole & ~pending}
    return Q(refund_minor__gt=0) & found[word] if word in found else Q(pk=None)


@lru_cache(maxsize=1)
def unusual() -> dict[int, list[str]]:
    """Currencies by their number of decimals, without those that have two."""
    found: dict[int, list[str]] = {}
    for code, decimals in EXPONENTS.items():
        if decimals != USUAL_DECIMALS:
            found.setdefault(decimals, []).append(code)
    return found


def amount_within(values: dict[str, Any], column: str) -> Q:
    """From amount_min up to amount_max in major units, whatever decimals a row's currency has."""
    wanted = Q()
    for name, lookup, rounding in (
        ("amount_min", "gte", ROUND_CEILING),
        ("amount_max", "lte", ROUND_FLOOR),
    ):
        if name in values:
            wanted &= bound(values[name], f"{column}__{lookup}", rounding)
    return wanted


def bound(amount: Decimal, lookup: str, rounding: str) -> Q:
    """A bound in the minor units of each row's own currency."""

    def minor(decimals: int) -> int:
        with exact():
            return int(amount.scaleb(decimals).to_integral_value(rounding=rounding))

    others = [code for codes in unusual().values() for code in codes]
    found = ~Q(currency__in=others) & Q(**{lookup: minor(USUAL_DECIMALS)})
    for decimals, codes in unusual().items():
        found |= Q(currency__in=codes, **{lookup: minor(decimals)})
    return found


def on_days(rows: ScopedQuerySet, values: dict[str, Any]) -> ScopedQuerySet:
    """Documents issued, or due, on the days asked for."""
    return rows.filter(**{lookup: values[name] for name, lookup in DAYS.items() if name in values})


def in_moments(
    rows: ScopedQuerySet, values: dict[str, Any], name: str, column: str, zone: tzinfo
) -> ScopedQuerySet:
    """Rows whose moment falls on the days `<name>_from` to `<name>_to` in a zone."""
    if start := values.get(f"{name}_from"):
        rows = rows.filter(**{f"{column}__gte": datetime.combine(start, time.min, zone)})
    if (
        last := values.get(f"{name}_to")
    ) and last < date.max:  # no day follows 9999-12-31, which means no end
        rows = rows.filter(**{f"{column}__lt": datetime.combine(last + timedelta(days=1), time.min, zone)})
    return rows


def with_words(
    rows: ScopedQuerySet, organization: Organization, values: dict[str, Any], customer: Any, *texts: str
) -> ScopedQuerySet:
    """Rows of the customer and the words asked for; words are sought in `texts` and in customers, unless all rows
    are one `customer`'s.
    """
    if "customer" in values and customer is None:
        key = decode("cust", values["customer"])
        rows = rows.filter(customer=key) if key else rows.none()
    if term := values.get("q", "").strip():
        wanted = Q()
        if customer is None and fold(term):
            customers = apps.get_model("customers", "Customer").objects.of(organization)
            wanted = Q(customer__in=matching(customers, term).values("pk"))
        for text in texts:
            wanted |= Q(**{f"{text}__icontains": term})
        rows = rows.filter(wanted)
    return rows
