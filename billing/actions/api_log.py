"""The log of the API's calls does not grow for ever."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from billing.models import ApiCall

DROPPED_AT_ONCE = 5000


def drop_old_calls(at: datetime) -> int:
    """Forget calls that are older than `API_LOG_DAYS`, some thousands at once. How many went."""
    old = ApiCall.objects.filter(created_at__lt=at - timedelta(days=settings.API_LOG_DAYS)).order_by(
        "created_at"
    )
    keys = list(old.values_list("pk", flat=True)[:DROPPED_AT_ONCE])
    return ApiCall.objects.filter(pk__in=keys).delete()[0]
