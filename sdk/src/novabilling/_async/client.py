"""The client."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Mapping, Optional, Type, Union

import httpx

from .._http import DEFAULT_BASE_URL, DEFAULT_RETRIES, DEFAULT_TIMEOUT, Answer, Call, body_of, check_settings
from .catalog import AsyncAddOnsResource, AsyncCouponsResource, AsyncMetricsResource, AsyncTaxesResource
from .collecting import (
    AsyncDunningCampaignsResource,
    AsyncPaymentProvidersResource,
    AsyncPaymentReceiptsResource,
    AsyncPaymentRequestsResource,
    AsyncRemittancesResource,
)
from .customers import AsyncCustomersResource, AsyncCustomFieldsResource, AsyncTagsResource
from .events import AsyncEventsResource
from .invoices import AsyncInvoicesResource
from .payments import AsyncCreditNotesResource, AsyncPaymentsResource
from .plans import AsyncChargesResource, AsyncPlansResource
from .platform import (
    AsyncAnalyticsResource,
    AsyncAuthResource,
    AsyncClockResource,
    AsyncExportsResource,
    AsyncWebhooksResource,
)
from .subscriptions import AsyncAlertsResource, AsyncSubscriptionsResource
from .transport import AsyncTransport
from .usage import AsyncUsageResource
from .wallets import AsyncWalletsResource


class AsyncNovaBilling:
    """The whole API. `token` is needed; nothing is read from the environment.

    `base_url` is where the server is, with or without `/api`. `timeout` is in seconds, for each attempt. What fails
    for a while (429, 502 to 504, broken connections) is tried again `max_retries` times with growing waits; each
    POST carries a key of its own, so that no repeat counts twice. `http_client` brings proxies or certificates of
    your own; it stays open when this client is closed.
    """

    def __init__(
        self,
        token: str,
        base_url: str = DEFAULT_BASE_URL,
        timeout: Union[float, httpx.Timeout, None] = DEFAULT_TIMEOUT,
        follow_redirects: bool = True,
        *,
        max_retries: int = DEFAULT_RETRIES,
        http_client: Optional[httpx.AsyncClient] = None,
    ) -> None:
        settings = check_settings(token, base_url, timeout, follow_redirects, max_retries)
        transport = self._transport = AsyncTransport(settings, http_client)
        self.customers = AsyncCustomersResource(transport)
        self.tags = AsyncTagsResource(transport)
        self.custom_fields = AsyncCustomFieldsResource(transport)
        self.plans = AsyncPlansResource(transport)
        self.charges = AsyncChargesResource(transport)
        self.metrics = AsyncMetricsResource(transport)
        self.coupons = AsyncCouponsResource(transport)
        self.taxes = AsyncTaxesResource(transport)
        self.add_ons = AsyncAddOnsResource(transport)
        self.subscriptions = AsyncSubscriptionsResource(transport)
        self.alerts = AsyncAlertsResource(transport)
        self.events = AsyncEventsResource(transport)
        self.usage = AsyncUsageResource(transport)
        self.wallets = AsyncWalletsResource(transport)
        self.invoices = AsyncInvoicesResource(transport)
        self.payments = AsyncPaymentsResource(transport)
        self.credit_notes = AsyncCreditNotesResource(transport)
        self.payment_providers = AsyncPaymentProvidersResource(transport)
        self.payment_requests = AsyncPaymentRequestsResource(transport)
        self.payment_receipts = AsyncPaymentReceiptsResource(transport)
        self.remittances = AsyncRemittancesResource(transport)
        self.dunning_campaigns = AsyncDunningCampaignsResource(transport)
        self.webhooks = AsyncWebhooksResource(transport)
        self.analytics = AsyncAnalyticsResource(transport)
        self.auth = AsyncAuthResource(transport)
        self.exports = AsyncExportsResource(transport)
        self.clock = AsyncClockResource(transport)

    @property
    def base_url(self) -> str:
        """Where the API is asked."""
        return str(self._transport.settings.base_url)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Optional[Mapping[str, Any]] = None,
        body: Optional[Any] = None,
        headers: Optional[Mapping[str, str]] = None,
    ) -> Answer:
        """Any route, such as `request("GET", "/customers")`: the JSON of its answer, fractions as Decimals. For
        routes that this version does not know.
        """
        if not path.startswith("/") or not path.isascii():
            raise ValueError("The path is one below /api, such as /customers.")
        call = Call(method.upper(), path, query or {}, body, dict(headers or {}))
        answer: Answer = body_of(await self._transport.send(call))
        return answer

    async def close(self) -> None:
        """Send what buffers of events hold, and give the connections back."""
        await self._transport.close()

    async def __aenter__(self) -> AsyncNovaBilling:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return "<{} at {}>".format(type(self).__name__, self.base_url)
