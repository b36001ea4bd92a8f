"""What happened to a customer: documents, money, credits, subscriptions, notes and decisions in one line of time.

Every source brings its own rows and they come back together, newest first, in one query of a bounded number of rows.
Order: by moment, then the consequence above its cause (`sources`), then by key; a cursor is a place in this order, so
nothing is shown twice or left out however many things happened at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    DateTimeField,
    F,
    Func,
    IntegerField,
    Q,
    QuerySet,
    TextField,
    UUIDField,
    Value,
    When,
)
from django.db.models.functions import Cast, TruncDate
from django.db.models.lookups import Exact

from billing.models import AuditEntry, Subscription, WalletEntry
from billing.queries.schedules import customer_zone
from customers.models import Customer, Note
from invoicing.models import RECEIVED, CreditNote, Invoice, Payment, PaymentRequest, Refund

PAGE = 12
NAME = Case(When(name="", then=F("plan__name")), default=F("name"))
DECISIONS = ("mode", "customer_type", "billing_model", "status")
TOLD = ("customer.created", "customer.merged")


@dataclass(frozen=True)
class Happened:
    """One thing. `kind` is a name of `sources`; `minor` an amount where there is one; `about` another row's key."""

    at: datetime
    kind: str
    key: UUID
    label: str
    currency: str
    minor: int
    about: UUID | None
    note: str


@dataclass(frozen=True)
class Place:
    """A place in the order: just after this row."""

    at: datetime
    rank: int
    key: UUID

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.rank}~{self.key.hex}"


def read_place(text: str) -> Place | None:
    """The place that a text names, or None for what is none of ours."""
    try:
        at, rank, key = text.split("~")
        place = Place(datetime.fromisoformat(at), int(rank), UUID(key))
    except (ValueError, OverflowError):
        return None
    return place if place.at.tzinfo else None


@dataclass(frozen=True)
class Source:
    """Rows of one kind: when they happened, and what a sentence about them needs."""

    permission: str
    rows: QuerySet[Any]
    at: Any
    label: Any = ""
    currency: Any = ""
    minor: Any = 0
    about: Any = None
    note: Any = ""


def sources(customer: Customer) -> dict[str, Source]:
    """Everything that can have happened, by kind; a consequence stands before its cause."""
    mine = {"customer": customer}
    wallets = WalletEntry.objects.filter(wallet__customer=customer)
    invoices = Invoice.objects.filter(**mine)
    money: dict[str, Any] = {"label": "invoice__number", "currency": "currency", "minor": "amount_minor"}
    credits: dict[str, Any] = {
        "label": "wallet__name",
        "currency": "wallet__currency",
        "minor": "amount_minor",
        "about": "wallet",
        "note": "reason",
    }
    document: dict[str, Any] = {"label": "number", "currency": "currency", "minor": "total_minor"}
    paid_up = Case(When(invoice__paid_at=F("paid_at"), then=Value("paid")), default=Value(""))
    received = Payment.objects.filter(status__in=RECEIVED, **mine)
    decided = Q(action__in=TOLD) | Q(action__startswith="customer.vat") | Q(changes__has_any_keys=DECISIONS)
    audit = AuditEntry.objects.filter(decided, subject_type="customer", **mine)
    runs = Subscription.objects.filter(**mine)
    trial = Case(When(trial_ends_at__gt=F("started_at"), then=Value("trial")), default=Value(""))
    refunds = Refund.objects.filter(payment__customer=customer, status="successful")
    notes = Note.objects.kept().filter(**mine)
    return {
        "refunded": Source(
            "invoices.view",
            refunds,
            F("refunded_at"),
            **(money | {"label": "payment__invoice__number"}),
            about="payment__invoice",
        ),
        "paid": Source("invoices.view", received, F("paid_at"), **money, about="invoice", note=paid_up),
        "not_paid": Source(
            "invoices.view",
            Payment.objects.filter(status="failed", **mine),
            F("paid_at"),
            **money,
            about="invoice",
        ),
        "requested": Source(
            "invoices.view",
            PaymentRequest.objects.filter(**mine),
            F("requested_at"),
            **(money | {"label": "status"}),
            note="origin",
        ),
        "voided": Source("invoices.view", invoices, F("voided_at"), **document, note="void_reason"),
        "credited": Source(
            "credit_notes.view",
            CreditNote.objects.filter(**mine),
            of_its_day("issuing_on", customer_zone(customer)),
            **document,
            about="invoice",
            note="invoice__number",
        ),
        "expired": Source("wallets.view", wallets.filter(kind="expired"), F("at"), **credits),
        "purchased": Source("wallets.view", wallets.filter(kind="purchased"), F("at"), **credits),
        "granted": Source("wallets.view", wallets.filter(kind="granted"), F("at"), **credits),
        "issued": Source("invoices.view", invoices, F("finalized_at"), **document, note="type"),
        "ended": Source("subscriptions.view", runs, F("terminated_at"), label=NAME),
        "called_off": Source(
            "subscriptions.view", runs.filter(started_at=None), F("canceled_at"), label=NAME
        ),
        "started": Source("subscriptions.view", runs, F("started_at"), label=NAME, note=trial),
        "noted": Source("customers.view", notes, F("created_at"), label="author_label", note="text"),
        "decided": Source("audit.view", audit, F("at"), label="action", note=Cast("changes", TextField())),
    }


def of_its_day(day: str, tz: str) -> Case:
    """When a row was made if that was on its own day; else where that day begins in the customer's time zone."""
    begins = Func(
        F(day),
        Value(tz),
        template="(%(expressions)s)",
        arg_joiner="::timestamp AT TIME ZONE ",
        output_field=DateTimeField(),
    )
    same_day = Exact(TruncDate("created_at", tzinfo=ZoneInfo(tz)), F(day))
    return Case(When(same_day, then=F("created_at")), default=begins)


def past(
    customer: Customer, may: Callable[[str], bool], after: Place | None = None
) -> tuple[list[Happened], str]:
    """A page of what happened that a person `may` see, and the place where it goes on ("" at the end). One query."""
    kinds = sources(customer)
    parts = [
        lines(rank, source, after) for rank, source in enumerate(kinds.values()) if may(source.permission)
    ]
    found = parts[0].union(*parts[1:], all=True).order_by("-moment", "source_rank", "-row_key")[: PAGE + 1]
    names = list(kinds)
    rows = [(rank, Happened(at, names[rank], *rest)) for at, rank, *rest in found]
    shown = [row for _, row in rows[:PAGE]]
    if len(rows) <= PAGE:
        return shown, ""
    rank, last = rows[PAGE - 1]
    return shown, str(Place(last.at, rank, last.key))


def lines(rank: int, source: Source, after: Place | None) -> QuerySet[Any]:
    """The newest rows of a source beyond a place, in the columns that all sources share."""
    columns = {
        "moment": Cast(source.at, DateTimeField()),
        "source_rank": Value(rank, output_field=IntegerField()),
        "row_key": F("pk"),
        "what": column(source.label, CharField()),
        "money_in": column(source.currency, CharField()),
        "money": column(source.minor, BigIntegerField()),
        "row_about": column(source.about, UUIDField()),
        "said": column(source.note, TextField()),
    }
    rows = source.rows.order_by().annotate(**columns).filter(moment__isnull=False)
    if after is not None:
        rows = rows.filter(beyond(rank, after))
    return rows.order_by("-moment", "-pk").values_list(*columns)[: PAGE + 1]


def column(value: Any, kind: Any) -> Any:
    """A column's name or an expression as that kind of value; an empty one for all rows alike."""
    if not value and not hasattr(value, "resolve_expression"):
        return Value(value, output_field=kind) if value is not None else Cast(Value(None), kind)
    return Cast(F(value) if isinstance(value, str) else value, kind)


def beyond(rank: int, place: Place) -> Q:
    """What of a source comes after a place in the order."""
    if rank < place.rank:
        return Q(moment__lt=place.at)
    if rank > place.rank:
        return Q(moment__lte=place.at)
    return Q(moment__lt=place.at) | Q(moment=place.at, pk__lt=place.key)
