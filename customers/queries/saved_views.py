"""The views of a list that people have saved."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from billing.models import Member, SavedView

CUSTOMERS = "customers"


def views_of(member: Member, noun: str = CUSTOMERS) -> Any:
    """A person's own views of a list, and those that are shared; nobody sees another's private ones."""
    rows = SavedView.objects.of(member.organization_id).filter(noun=noun)
    return rows.filter(Q(owner=member.user_id) | Q(shared=True))
