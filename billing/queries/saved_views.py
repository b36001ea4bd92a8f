"""The views of a list that people have saved."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from billing.models import Member, SavedView


def views_of(member: Member, noun: str = "") -> Any:
    """A person's own views (of one list, or all), and shared ones; nobody sees another's private ones."""
    rows = SavedView.objects.of(member.organization_id)
    rows = rows.filter(Q(owner=member.user_id) | Q(shared=True))
    return rows.filter(noun=noun) if noun else rows
