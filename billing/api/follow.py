"""When existing subscriptions pay changed prices, as every door of prices takes it."""

from __future__ import annotations

from billing.models import Follow
from billing.web.api import ApiSchema


class FollowIn(ApiSchema):
    """`existingSubscriptions`: now (from their running period on), renewal (from the next one on) or never."""

    existing_subscriptions: str | None = None


def follow_of(body: FollowIn) -> str:
    """As the actions take it; not said: now."""
    return (body.existing_subscriptions or Follow.NOW.value).lower()
