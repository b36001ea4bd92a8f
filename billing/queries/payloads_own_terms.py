"""A subscription with what was agreed with it alone, as the API answers it."""

from __future__ import annotations

from billing.models import Subscription
from billing.queries.own_terms import own_differences
from billing.queries.payloads_subscriptions import subscription_payload
from billing.queries.payloads_versions import difference_payload
from billing.queries.shapes import OwnSubscriptionOut


def with_own_terms(row: Subscription) -> OwnSubscriptionOut:
    """The subscription, and as `ownTerms` what it pays otherwise than its plan says; null: nothing is agreed."""
    own = [difference_payload(one) for one in own_differences(row)] if row.has_own_terms else None
    return {**subscription_payload(row), "ownTerms": own}
