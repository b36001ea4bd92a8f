"""The rows of the customers list with what their columns show, and the rows of its export."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import F, QuerySet

from billing.models import Organization, Subscription, Wallet
from customers.models import Customer
from customers.queries.overview import LIVE_VALUES, PAYING, count_of, sum_of
from customers.queries.tags import tags_by_id
from customers.rules.recurring import monthly_minor
from invoicing.models import Invoice

DUE = F("total_minor") - F("paid_minor")


def with_columns(rows: QuerySet[Any], keys: set[str], today: date) -> QuerySet[Any]:
    """Adds the figures that these columns show, and no others: `active_subscriptions`, `outstanding_minor`,
    `overdue_minor`, `wallet_minor`, in minor units of the customer's currency.
    """
    figures = {
        "subscriptions": (
            "active_subscriptions",
            count_of(Subscription.objects.filter(status__in=LIVE_VALUES)),
        ),
        "outstanding": ("outstanding_minor", sum_of(Invoice.objects.unpaid(), DUE)),
        "overdue": ("overdue_minor", sum_of(Invoice.objects.overdue(today), DUE)),
        "wallet": ("wallet_minor", sum_of(Wallet.objects.active(), F("balance_minor"))),
    }
    return rows.annotate(**dict(figures[key] for key in keys & figures.keys()))


def listed(
    organization: Organization,
    ids: Iterable[Any],
    keys: set[str],
    today: date,
    tags: Mapping[Any, Any] | None = None,
) -> list[Customer]:
    """These customers in this order, with the figures of their columns, `tags` and `mrr_minor`. `tags` are those of
    the organization, when they are known already.
    """
    order = list(ids)
    rows = with_columns(Customer.objects.of(organization).filter(pk__in=order), keys, today).in_bulk()
    found = [rows[key] for key in order if key in rows]
    known = tags_by_id(organization) if tags is None and "tags" in keys else tags or {}
    complete(found, keys, known)
    return found


def complete(rows: Sequence[Customer], keys: set[str], tags: Mapping[Any, Any]) -> None:
    """Sets `tags` and `mrr_minor` on a few rows."""
    monthly = recurring(rows) if "mrr" in keys else {}
    for row in rows:
        own = set(row.tag_ids)
        row.tags = [tag for key, tag in tags.items() if key in own]  # type: ignore[attr-defined]
        row.mrr_minor = monthly.get(row.pk, 0)  # type: ignore[attr-defined]


def recurring(rows: Sequence[Customer]) -> dict[Any, int]:
    """What the plans of these customers bring per month, in minor units of the customer's currency."""
    found: dict[Any, int] = defaultdict(int)
    paying = Subscription.objects.filter(customer__in=[row.pk for row in rows], status__in=PAYING)
    same = paying.filter(currency=F("customer__currency"))
    for key, minor, interval in same.values_list("customer", "amount_minor", "plan__interval"):
        found[key] += monthly_minor(minor, interval)
    return found
