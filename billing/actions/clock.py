"""What time it is for an organization. Doors ask once and pass the moment down as `at`."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from billing.models import Organization


def now(organization: Organization) -> datetime:
    """The real time, or the time that a sandbox organization's clock has been set to."""
    return organization.clock_at or timezone.now()
