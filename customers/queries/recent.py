"""The names of rows that a person has looked at, in one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import CharField, F, QuerySet, Value
from django.db.models.functions import Cast, Coalesce, NullIf

from billing.models import Organization, Plan
from billing.rules.ids import encode
from customers.models import Customer
from invoicing.models import Invoice


@dataclass(frozen=True)
class Seen:
    """One row: what it is called, and a line about it."""

    noun: str
    public_id: str
    label: str
    note: str


def seen(organization: Organization, pairs: Sequence[tuple[str, UUID]]) -> list[Seen]:
    """Those of (noun, id) that are still there, in the same order. At most one query."""
    wanted = {noun: [key for other, key in pairs if other == noun] for noun, _ in pairs}
    sources: dict[str, tuple[QuerySet[Any], Any, Any]] = {
        "customer": (
            Customer.objects.of(organization).kept(),
            Coalesce(NullIf("name", Value("")), NullIf("legal_name", Value("")), "external_id"),
            F("external_id"),
        ),
        "invoice": (
            Invoice.objects.of(organization).exclude(status="closed"),
            Coalesce(NullIf("number", Value("")), Value("Draft invoice")),
            F("customer_name"),
        ),
        "plan": (Plan.objects.of(organization).kept(), F("name"), F("code")),
    }
    parts = [
        rows.filter(pk__in=wanted[noun])
        .order_by()
        .values_list("pk", Value(noun), Cast(label, CharField()), Cast(note, CharField()))
        for noun, (rows, label, note) in sources.items()
        if noun in wanted
    ]
    if not parts:
        return []
    first, *others = parts
    found = {(noun, key): (label, note) for key, noun, label, note in first.union(*others, all=True)}
    prefixes = {"customer": Customer.PREFIX, "invoice": Invoice.PREFIX, "plan": Plan.PREFIX}
    return [
        Seen(pair[0], encode(prefixes[pair[0]], pair[1]), *found[pair]) for pair in pairs if pair in found
    ]
