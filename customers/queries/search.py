"""One search over customers, invoices, credit notes, subscriptions, plans, coupons and metrics.

Every part reads an index and stops at a few rows, however many there are: customers and plans by trigrams of their
texts, numbers and IDs by their beginning, the digits of a number among the latest documents only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Q, QuerySet, Value, When

from billing.models import Coupon, Metric, Organization, Plan, Subscription
from billing.orm.search import fold, matches, matching
from billing.rules.ids import decode
from customers.models import Customer
from invoicing.models import CreditNote, Invoice

PER_GROUP = 8
LATEST = 2000  # documents among which digits are looked for
AMONG = 2000  # customers with the term somewhere, of which the first by name are shown
WHOLE = 3  # letters from which on a part of a name is found, not only its beginning


@dataclass(frozen=True)
class Group:
    """What was found of one noun: a few rows, and whether there are more."""

    noun: str
    rows: list[Any]
    more: bool


def search(
    organization: Organization, text: str, nouns: frozenset[str], most: int = PER_GROUP
) -> list[Group]:
    """Groups that have something, for terms of at least two letters. `nouns` are those that may be seen.

    All nouns are also found by their own id in any spelling.
    """
    term = " ".join(text.split())[:100]
    if len(fold(term)) < 2:
        return []
    rows: dict[str, QuerySet[Any]] = {
        "customer": customers(organization, term, most),
        "invoice": numbered(Invoice.objects.of(organization).exclude(status="closed"), term),
        "credit_note": numbered(CreditNote.objects.of(organization), term),
        "subscription": Subscription.objects.of(organization)
        .filter(external_id__startswith=term)
        .select_related("customer", "plan")
        .order_by("-created_at"),
        "plan": matching(Plan.objects.of(organization).kept(), term).order_by("name"),
        "coupon": named(Coupon.objects.of(organization).kept(), term),
        "metric": named(Metric.objects.of(organization).kept(), term),
    }
    groups = []
    for noun, found in rows.items():
        if noun not in nouns:
            continue
        key = decode(found.model.PREFIX, term)
        if key is not None:
            found = found.model.objects.of(organization).filter(pk=key)
        part = list(found[: most + 1])
        if part:
            groups.append(Group(noun, part[:most], len(part) > most))
    return groups


def customers(organization: Organization, term: str, most: int) -> QuerySet[Any]:
    """Those whose name begins with the term, then others with the term in name, e-mail, external ID, tax ID or phone;
    of two letters by the beginning of a name or ID. Of a frequent term's rows the first that are met are sorted.
    """
    rows = Customer.objects.of(organization).kept()
    named, identified = Q(), Q()
    for spelling in sorted({term, term.lower(), term.upper(), term.capitalize()}):
        named |= Q(name__startswith=spelling)
        identified |= Q(external_id__startswith=spelling)
    if len(fold(term)) < WHOLE:
        return rows.filter(named | identified).order_by("name")
    first = rows.filter(named).order_by("name", "pk").values("pk")[: most + 1]
    others = rows.filter(matches(term)).order_by().values("pk")[:AMONG]
    ranked = Case(When(named, then=Value(0)), default=Value(1))
    return rows.filter(pk__in=first.union(others)).order_by(ranked, "name", "pk")


def numbered(rows: QuerySet[Any], term: str) -> QuerySet[Any]:
    """Documents by the beginning of their number; digits by any part of it, among the latest."""
    found = rows.filter(Q(number__startswith=term.upper()) | Q(number__startswith=term))
    if term[0].isdigit():
        latest = rows.order_by("-issuing_on", "-created_at").values("pk")[:LATEST]
        found = rows.filter(pk__in=latest, number__contains=term)
    return found.order_by("-issuing_on", "-created_at")


def named(rows: QuerySet[Any], term: str) -> QuerySet[Any]:
    """Parts of the catalogue by name or code."""
    return rows.filter(Q(name__icontains=term) | Q(code__icontains=term)).order_by("name")
