"""The organization and its keys, webhooks, analytics, the sandbox's clock."""

from __future__ import annotations

from typing import Any, AsyncIterator, Mapping, Optional, Sequence

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
from .resource import AsyncResource


class AsyncAuthResource(AsyncResource):
    """`client.auth`: the organization that the token belongs to, and its keys."""

    async def get_organization(self) -> Organization:
        """The organization of the token."""
        return await self._call(Organization, "GET", "/organization")

    async def update_organization(
        self,
        *,
        name: Optional[str] = None,
        default_currency: Optional[str] = None,
        timezone: Optional[str] = None,
        if_match: Optional[str] = None,
    ) -> Organization:
        """Change the given settings."""
        body = given(name=name, default_currency=default_currency, timezone=timezone)
        return await self._call(Organization, "PATCH", "/organization", body=body, if_match=if_match)

    async def list_keys(
        self, *, live: Optional[bool] = None, page: Optional[int] = None, limit: Optional[int] = None
    ) -> PaginatedResponse[ApiKey]:
        """A page of keys, without the keys themselves. `live` leaves out those that were revoked."""
        return await self._list(ApiKey, "/api-keys", {"live": live, "page": page, "limit": limit})

    async def create_key(
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
        return await self._call(ApiKey, "POST", "/api-keys", body=body, idempotency_key=idempotency_key)

    async def get_key(self, key_id: str) -> ApiKey:
        """One key, without the key itself."""
        return await self._call(ApiKey, "GET", path("/api-keys/{}", key_id))

    async def rotate_key(
        self, key_id: str, *, overlap_hours: Optional[int] = None, idempotency_key: Optional[str] = None
    ) -> ApiKey:
        """A new key with the same rights; the old one goes on for some hours."""
        place, body = path("/api-keys/{}/rotate", key_id), given(overlap_hours=overlap_hours)
        return await self._call(ApiKey, "POST", place, body=body, idempotency_key=idempotency_key)

    async def revoke_key(self, key_id: str) -> ApiKey:
        """It stops working at once."""
        return await self._call(ApiKey, "DELETE", path("/api-keys/{}", key_id))


class AsyncWebhooksResource(AsyncResource):
    """`client.webhooks`"""

    async def create(
        self,
        *,
        url: str,
        events: Sequence[str],
        description: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> Webhook:
        """Tell this address of these events. Its `secret` is answered this once."""
        body = given(url=url, events=list(events), description=description)
        return await self._call(Webhook, "POST", "/webhooks", body=body, idempotency_key=idempotency_key)

    async def get(self, webhook_id: str) -> Webhook:
        """One webhook, without its secret."""
        return await self._call(Webhook, "GET", path("/webhooks/{}", webhook_id))

    async def update(
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
        return await self._call(Webhook, "PATCH", place, body=body, if_match=if_match)

    async def list(
        self, *, status: Optional[str] = None, page: Optional[int] = None, limit: Optional[int] = None
    ) -> PaginatedResponse[Webhook]:
        """A page of webhooks, newest first."""
        return await self._list(Webhook, "/webhooks", {"status": status, "page": page, "limit": limit})

    def iterate(self, **query: Unpack[PageQuery]) -> AsyncIterator[Webhook]:
        """All webhooks."""
        return self._walk(Webhook, "/webhooks", query)

    async def delete(self, webhook_id: str) -> Deletion:
        """Nothing is sent there any more."""
        return await self._call(Deletion, "DELETE", path("/webhooks/{}", webhook_id))

    async def rotate_secret(
        self, webhook_id: str, *, overlap_hours: int = 24, idempotency_key: Optional[str] = None
    ) -> Webhook:
        """A new `secret`. For so many hours deliveries are signed with both."""
        place = path("/webhooks/{}/rotate-secret", webhook_id)
        body = {"overlap_hours": overlap_hours}
        return await self._call(Webhook, "POST", place, body=body, idempotency_key=idempotency_key)

    async def test(self, webhook_id: str, *, idempotency_key: Optional[str] = None) -> WebhookDelivery:
        """Send `webhook.test` there."""
        place = path("/webhooks/{}/test", webhook_id)
        return await self._call(WebhookDelivery, "POST", place, idempotency_key=idempotency_key)

    async def list_event_types(self) -> PaginatedResponse[Record]:
        """Every event that can be asked for."""
        return await self._list(Record, "/webhooks/event-types", {})

    async def get_deliveries(
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
        return await self._list(WebhookDelivery, path("/webhooks/{}/deliveries", webhook_id), query)

    async def replay(
        self, webhook_id: str, delivery_id: str, *, idempotency_key: Optional[str] = None
    ) -> WebhookDelivery:
        """Send one again, delivered or not."""
        place = path("/webhooks/{}/deliveries/{}/replay", webhook_id, delivery_id)
        return await self._call(WebhookDelivery, "POST", place, idempotency_key=idempotency_key)


class AsyncAnalyticsResource(AsyncResource):
    """`client.analytics`: the figures of the first page, of one currency. Nothing is converted."""

    async def get_revenue(self, *, currency: Optional[str] = None) -> Record:
        """What was invoiced and received in the last twelve months."""
        return await self._call(Record, "GET", "/analytics/revenue", query={"currency": currency})

    async def get_subscriptions(self) -> Record:
        """How many subscriptions there are, by state."""
        return await self._call(Record, "GET", "/analytics/subscriptions")

    async def get_customers(self, *, currency: Optional[str] = None) -> Record:
        """How many customers there are, and what one that pays brings a month."""
        return await self._call(Record, "GET", "/analytics/customers", query={"currency": currency})

    async def get_payments(self, *, currency: Optional[str] = None) -> Record:
        """What came, what failed, and what is owed."""
        return await self._call(Record, "GET", "/analytics/payments", query={"currency": currency})

    async def get_mrr(self, *, currency: Optional[str] = None) -> Record:
        """Monthly recurring revenue, and how it moved."""
        return await self._call(Record, "GET", "/analytics/mrr", query={"currency": currency})

    async def get_churn(self, *, currency: Optional[str] = None) -> Record:
        """Recurring revenue that was lost, by month."""
        return await self._call(Record, "GET", "/analytics/churn", query={"currency": currency})


class AsyncExportsResource(AsyncResource):
    """`client.exports`: lists as files, written in the background."""

    async def create(
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
        return await self._call(Export, "POST", "/exports", body=body, idempotency_key=idempotency_key)

    async def get(self, export_id: str) -> Export:
        """How far it is; `download_url` opens without a token once `status` is ready."""
        return await self._call(Export, "GET", path("/exports/{}", export_id))

    async def list(
        self, *, content: Optional[str] = None, page: Optional[int] = None, limit: Optional[int] = None
    ) -> PaginatedResponse[Export]:
        """A page of exports, newest first."""
        return await self._list(Export, "/exports", {"content": content, "page": page, "limit": limit})


class AsyncClockResource(AsyncResource):
    """`client.clock`: the time of a sandbox organization."""

    async def get(self) -> Clock:
        """What time it is there, and what is due next."""
        return await self._call(Clock, "GET", "/clock")

    async def move(
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
        return await self._call(Clock, "POST", "/clock", body=body, idempotency_key=idempotency_key)
