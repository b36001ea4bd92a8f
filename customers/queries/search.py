"""One search over customers, invoices, plans, subscriptions and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from billing.models import Metric, Organization, Plan, Subscription
from billing.orm.search import fold, matching
from billing.rules.ids import decode
from customers.models import Customer
from invoicing.models import Invoice

PER_GROUP = 8


@dataclass(frozen=True)
class Group:
    """What was found of one noun: at most eight rows, and whether there are more."""

    noun: str
    rows: list[Any]
    more: bool


def search(organization: Organization, text: str, nouns: frozenset[str]) -> list[Group]:
    """Groups that have something, for terms of at least two letters. `nouns` are those that may be seen.

    Customers and plans are found by any part of their texts, the others by the start of number or ID, and all
    of them by their own id in any spelling.
    """
    term = " ".join(text.split())[:100]
    if len(fold(term)) < 2:
        return []
    rows: dict[str, QuerySet[Any]] = {
        "customer": matching(Customer.objects.of(organization).kept(), term).order_by("name"),
        "invoice": Invoice.objects.of(organization)
        .filter(Q(number__istartswith=term) | Q(number__iendswith=term))
        .order_by("-issuing_on", "-created_at"),
        "plan": matching(Plan.objects.of(organization).kept(), term).order_by("name"),
        "subscription": Subscription.objects.of(organization)
        .filter(external_id__istartswith=term)
        .select_related("customer", "plan")
        .order_by("-created_at"),
        "metric": Metric.objects.of(organization)
        .kept()
        .filter(Q(name__icontains=term) | Q(code__icontains=term))
        .order_by("name"),
    }
    groups = []
    for noun, found in rows.items():
        if noun not in nouns:
            continue
        key = decode(found.model.PREFIX, term)
        if key is not None:
            found = found.model.objects.of(organization).filter(pk=key)
        part = list(found[: PER_GROUP + 1])
        if part:
            groups.append(Group(noun, part[:PER_GROUP], len(part) > PER_GROUP))
    return groups
