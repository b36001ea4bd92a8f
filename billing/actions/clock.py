"""What time it is for an organization. Doors ask once and pass the moment down as `at`."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from billing.models import Organization


def now(organization: Organization) -> datetime:
    """The real time, or the time that a sandbox organization's clock has been set to."""
    return organization.clock_at or timezone.now()


def clocks(at: datetime) -> list[tuple[Q, datetime]]:
    """For a round of the beat: rows by their organization, and what time it is for them. All live in real time
    but the sandboxes whose clock was set.
    """
    sandboxes = Organization.objects.exclude(clock_at=None)
    return [
        (Q(organization__clock_at=None), at),
        *((Q(organization=sandbox), now(sandbox)) for sandbox in sandboxes),
    ]
