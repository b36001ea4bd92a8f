"""Who of an organization has a second factor."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet
from django_otp.plugins.otp_totp.models import TOTPDevice

from billing.models import Member, Organization


def with_two_factor(rows: QuerySet[Member]) -> QuerySet[Member]:
    """Members with `two_factor`: whether signing in asks them for a code."""
    return rows.annotate(two_factor=Exists(TOTPDevice.objects.filter(user=OuterRef("user"), confirmed=True)))


def without_two_factor(organization: Organization) -> int:
    """How many members would be led to set it up."""
    having = TOTPDevice.objects.filter(confirmed=True).values("user")
    return Member.objects.of(organization).exclude(user__in=having).count()
