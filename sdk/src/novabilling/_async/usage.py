"""Usage that was measured."""

from __future__ import annotations

from typing import Optional

from .._wire import path
from ..types import PaginatedResponse, Usage
from .resource import AsyncResource


class AsyncUsageResource(AsyncResource):
    """`client.usage`"""

    async def current(self, customer_id: str) -> PaginatedResponse[Usage]:
        """Of the running period, per subscription; `meta.amount` is the sum."""
        return await self._list(Usage, path("/customers/{}/usage", customer_id), {})

    async def past(
        self,
        customer_id: str,
        *,
        subscription_id: Optional[str] = None,
        page: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> PaginatedResponse[Usage]:
        """Of periods that were billed, the newest first."""
        query = {"subscription_id": subscription_id, "page": page, "limit": limit}
        return await self._list(Usage, path("/customers/{}/usage/past", customer_id), query)

    async def of_subscription(self, subscription_id: str) -> Usage:
        """Of the running period of one subscription."""
        return await self._call(Usage, "GET", path("/subscriptions/{}/usage", subscription_id))
