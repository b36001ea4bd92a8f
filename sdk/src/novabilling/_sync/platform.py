# Made by tools/unasync.py from _async/platform.py: change it there.
"""The organization and its keys, webhooks, analytics, the sandbox's clock."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Optional, Sequence

from typing_extensions import Unpack

from .._wire import given, path
from ..fields import Moment, PageQuery
from ..types import (
    ApiKey,
    Clock,
    Deletion,
    Export,
    Organization,
    PaginatedResponse,
    Record,
    Webhook,
    WebhookDelivery,
)
from .resource import Resource


class AuthResource(Resource):
    """`client.auth`: the organization that the token belongs to, and its keys."""

    def get_organization(self) -> Organization:
        """The organization of the token."""
        return self._call(Organization, "GET", "/organization")

    def update_organization(
        self,
        *,
        name: Optional[str] = None,
        default_currency: Optional[str] = None,
        timezone: Optional[str] = None,
        if_match: Optional[str] = None,
    ) -> Organization:
        """Change the given settings."""
        body = given(name=name, default_currency=default_currency, timezone=timezone)
        return self._call(Organization, "PATCH", "/organization", body=body, if_match=if_match)

    def list_keys(
        self, *, live: Optional[bool] = None, page: Optional[int] = None, limit: Optional[int] = None
    ) -> PaginatedResponse[ApiKey]:
        """A page of keys, without the keys themselves. `live` leaves out those that were revoked."""
        return self._list(ApiKey, "/api-keys", {"live": live, "page": page, "limit": limit})

    def create_key(
        self,
        *,
        name: str,
        scopes: Sequence[str] = (),
        expires_at: Optional[Moment] = None,
        rate_limit: Optional[int] = None,
        idempotency_key: Optional[str] = None,
    ) -> ApiKey:
        """A new key; its `key` is answered this once. Scopes are `customers:read`, `invoices:write`, …; none: all."""
        body = given(name=name, scopes=list(scopes), expires_at=expires_at, rate_limit=rate_limit)
        return self._call(ApiKey, "POST", "/api-keys", body=body, idempotency_key=idempotency_key)

    def get_key(self, key_id: str) -> ApiKey:
        """One key, without the key itself."""
        return self._call(ApiKey, "GET", path("/api-keys/{}", key_id))

    def rotate_key(
        self, key_id: str, *, overlap_hours: Optional[int] = None, idempotency_key: Optional[str] = None
    ) -> ApiKey:
        """A new key with the same rights; the old one goes on for some hours."""
        place, body = path("/api-keys/{}/rotate", key_id), given(overlap_hours=overlap_hours)
        return self._call(ApiKey, "POST", place, body=body, idempotency_key=idempotency_key)

    def revoke_key(self, key_id: str) -> ApiKey:
        """It stops working at once."""
        return self._call(ApiKey, "DELETE", path("/api-keys/{}", key_id))


class WebhooksResource(Resource):
    """`client.webhooks`"""

    def create(
        self,
        *,
        url: str,
        events: Sequence[str],
        description: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> Webhook:
        """Tell this address of these events. Its `secret` is answered this once."""
        body = given(url=url, events=list(events), description=description)
        return self._call(Webhook, "POST", "/webhooks", body=body, idempotency_key=idempotency_key)

    def get(self, webhook_id: str) -> Webhook:
        """One webhook, without its secret."""
        return self._call(Webhook, "GET", path("/webhooks/{}", webhook_id))

    def update(
        self,
        webhook_id: str,
        *,
        url: Optional[str] = None,
        events: Optional[Sequence[str]] = None,
        description: Optional[str] = None,
        status: Optional[str] = None,
        if_match: Optional[str] = None,
    ) -> Webhook:
        """Change the given fields. `status`: active, paused (collects, sends nothing) or disabled (does neither)."""
        body = given(url=url, events=events, description=description, status=status)
        place = path("/webhooks/{}", webhook_id)
        return self._call(Webhook, "PATCH", place, body=body, if_match=if_match)

    def list(
        self, *, status: Optional[str] = None, page: Optional[int] = None, limit: Optional[int] = None
    ) -> PaginatedResponse[Webhook]:
        """A page of webhooks, newest first."""
        return self._list(Webhook, "/webhooks", {"status": status, "page": page, "limit": limit})

    def iterate(self, **query: Unpack[PageQuery]) -> Iterator[Webhook]:
        """All webhooks."""
        return self._walk(Webhook, "/webhooks", query)

    def delete(self, webhook_id: str) -> Deletion:
        """Nothing is sent there any more."""
        return self._call(Deletion, "DELETE", path("/webhooks/{}", webhook_id))

    def rotate_secret(
        self, webhook_id: str, *, overlap_hours: int = 24, idempotency_key: Optional[str] = None
    ) -> Webhook:
        """A new `secret`. For so many hours deliveries are signed with both."""
        place = path("/webhooks/{}/rotate-secret", webhook_id)
        body = {"overlap_hours": overlap_hours}
        return self._call(Webhook, "POST", place, body=body, idempotency_key=idempotency_key)

    def test(self, webhook_id: str, *, idempotency_key: Optional[str] = None) -> WebhookDelivery:
        """Send `webhook.test` there."""
        place = path("/webhooks/{}/test", webhook_id)
        return self._call(WebhookDelivery, "POST", place, idempotency_key=idempotency_key)

    def list_event_types(self) -> PaginatedResponse[Record]:
        """Every event that can be asked for."""
        return self._list(Record, "/webhooks/event-types", {})

    def get_deliveries(
        self,
        webhook_id: str,
        *,
        state: Optional[str] = None,
        event: Optional[str] = None,
        page: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> PaginatedResponse[WebhookDelivery]:
        """What was sent there, newest first, each with all its tries."""
        query = {"state": state, "event": event, "page": page, "limit": limit}
        return self._list(WebhookDelivery, path("/webhooks/{}/deliveries", webhook_id), query)

    def replay(
        self, webhook_id: str, delivery_id: str, *, idempotency_key: Optional[str] = None
    ) -> WebhookDelivery:
        """Send one again, delivered or not."""
        place = path("/webhooks/{}/deliveries/{}/replay", webhook_id, delivery_id)
        return self._call(WebhookDelivery, "POST", place, idempotency_key=idempotency_key)


class AnalyticsResource(Resource):
    """`client.analytics`: the figures of the first page, of one currency. Nothing is converted."""

    def get_revenue(self, *, currency: Optional[str] = None) -> Record:
        """What was invoiced and received in the last twelve months."""
        return self._call(Record, "GET", "/analytics/revenue", query={"currency": currency})

    def get_subscriptions(self) -> Record:
        """How many subscriptions there are, by state."""
        return self._call(Record, "GET", "/analytics/subscriptions")

    def get_customers(self, *, currency: Optional[str] = None) -> Record:
        """How many customers there are, and what one that pays brings a month."""
        return self._call(Record, "GET", "/analytics/customers", query={"currency": currency})

    def get_payments(self, *, currency: Optional[str] = None) -> Record:
        """What came, what failed, and what is owed."""
        return self._call(Record, "GET", "/analytics/payments", query={"currency": currency})

    def get_mrr(self, *, currency: Optional[str] = None) -> Record:
        """Monthly recurring revenue, and how it moved."""
        return self._call(Record, "GET", "/analytics/mrr", query={"currency": currency})

    def get_churn(self, *, currency: Optional[str] = None) -> Record:
        """Recurring revenue that was lost, by month."""
        return self._call(Record, "GET", "/analytics/churn", query={"currency": currency})


class ExportsResource(Resource):
    """`client.exports`: lists as files, written in the background."""

    def create(
        self,
        *,
        content: str,
        filters: Optional[Mapping[str, Any]] = None,
        idempotency_key: Optional[str] = None,
    ) -> Export:
        """Write customers, invoices, invoice_lines, credit_notes, credit_note_items or payments to a CSV file: the
        rows that the filters of their list leave.
        """
        body = given(content=content, filters=filters)
        return self._call(Export, "POST", "/exports", body=body, idempotency_key=idempotency_key)

    def get(self, export_id: str) -> Export:
        """How far it is; `download_url` opens without a token once `status` is ready."""
        return self._call(Export, "GET", path("/exports/{}", export_id))

    def list(
        self, *, content: Optional[str] = None, page: Optional[int] = None, limit: Optional[int] = None
    ) -> PaginatedResponse[Export]:
        """A page of exports, newest first."""
        return self._list(Export, "/exports", {"content": content, "page": page, "limit": limit})


class ClockResource(Resource):
    """`client.clock`: the time of a sandbox organization."""

    def get(self) -> Clock:
        """What time it is there, and what is due next."""
        return self._call(Clock, "GET", "/clock")

    def move(
        self,
        *,
        now: Optional[Moment] = None,
        days: Optional[int] = None,
        months: Optional[int] = None,
        next: Optional[bool] = None,
        idempotency_key: Optional[str] = None,
    ) -> Clock:
        """Move it forward: to a moment, by days or months, or to the next thing that is due."""
        body = given(now=now, days=days, months=months, next=next)
        return self._call(Clock, "POST", "/clock", body=body, idempotency_key=idempotency_key)
