# Made by tools/unasync.py from _async/client.py: change it there.
"""The client."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Mapping, Optional, Type, Union

import httpx

from .._http import DEFAULT_BASE_URL, DEFAULT_RETRIES, DEFAULT_TIMEOUT, Answer, Call, body_of, check_settings
from .catalog import AddOnsResource, CouponsResource, MetricsResource, TaxesResource
from .collecting import (
    DunningCampaignsResource,
    PaymentProvidersResource,
    PaymentReceiptsResource,
    PaymentRequestsResource,
    RemittancesResource,
)
from .customers import CustomersResource, CustomFieldsResource, TagsResource
from .events import EventsResource
from .invoices import InvoicesResource
from .payments import CreditNotesResource, PaymentsResource
from .plans import ChargesResource, PlansResource
from .platform import (
    AnalyticsResource,
    AuthResource,
    ClockResource,
    ExportsResource,
    WebhooksResource,
)
from .subscriptions import AlertsResource, SubscriptionsResource
from .transport import Transport
from .usage import UsageResource
from .wallets import WalletsResource


class NovaBilling:
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
        http_client: Optional[httpx.Client] = None,
    ) -> None:
        settings = check_settings(token, base_url, timeout, follow_redirects, max_retries)
        transport = self._transport = Transport(settings, http_client)
        self.customers = CustomersResource(transport)
        self.tags = TagsResource(transport)
        self.custom_fields = CustomFieldsResource(transport)
        self.plans = PlansResource(transport)
        self.charges = ChargesResource(transport)
        self.metrics = MetricsResource(transport)
        self.coupons = CouponsResource(transport)
        self.taxes = TaxesResource(transport)
        self.add_ons = AddOnsResource(transport)
        self.subscriptions = SubscriptionsResource(transport)
        self.alerts = AlertsResource(transport)
        self.events = EventsResource(transport)
        self.usage = UsageResource(transport)
        self.wallets = WalletsResource(transport)
        self.invoices = InvoicesResource(transport)
        self.payments = PaymentsResource(transport)
        self.credit_notes = CreditNotesResource(transport)
        self.payment_providers = PaymentProvidersResource(transport)
        self.payment_requests = PaymentRequestsResource(transport)
        self.payment_receipts = PaymentReceiptsResource(transport)
        self.remittances = RemittancesResource(transport)
        self.dunning_campaigns = DunningCampaignsResource(transport)
        self.webhooks = WebhooksResource(transport)
        self.analytics = AnalyticsResource(transport)
        self.auth = AuthResource(transport)
        self.exports = ExportsResource(transport)
        self.clock = ClockResource(transport)

    @property
    def base_url(self) -> str:
        """Where the API is asked."""
        return str(self._transport.settings.base_url)

    def request(
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
        answer: Answer = body_of(self._transport.send(call))
        return answer

    def close(self) -> None:
        """Send what buffers of events hold, and give the connections back."""
        self._transport.close()

    def __enter__(self) -> NovaBilling:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<{} at {}>".format(type(self).__name__, self.base_url)
