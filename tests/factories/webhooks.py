"""Endpoints for tests."""

from __future__ import annotations

from collections.abc import Sequence

from billing.actions.webhook_endpoints import create_endpoint
from billing.models import Organization, WebhookEndpoint
from tests.factories.people import ACTOR, NOW

URL = "https://hooks.example/in"


def make_endpoint(
    organization: Organization, events: Sequence[str] = ("*",), url: str = URL
) -> WebhookEndpoint:
    """An endpoint made by the real action."""
    return create_endpoint(organization, url, events, by=ACTOR, at=NOW)[0]
