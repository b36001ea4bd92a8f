"""Metrics, coupons, taxes and add-ons."""

from __future__ import annotations

from typing import Any, AsyncIterator, Mapping, Optional

from typing_extensions import Unpack

from .._wire import given, path
from ..fields import (
    AddOnChanges,
    AddOnQuery,
    CouponChanges,
    MetricChanges,
    MetricQuery,
    NewAddOn,
    NewCoupon,
    NewMetric,
    NewTax,
    PageQuery,
    TaxChanges,
    TaxQuery,
)
from ..types import AddOn, AppliedCoupon, Coupon, Deletion, Metric, PaginatedResponse, Record, Tax
from .resource import AsyncResource


class AsyncMetricsResource(AsyncResource):
    """`client.metrics`"""

    async def create(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewMetric]) -> Metric:
        """A new metric."""
        return await self._call(
            Metric, "POST", "/billable-metrics", body=fields, idempotency_key=idempotency_key
        )

    async def get(self, metric_id: str) -> Metric:
        """One metric, by id or code."""
        return await self._call(Metric, "GET", path("/billable-metrics/{}", metric_id))

    async def update(
        self, metric_id: str, *, if_match: Optional[str] = None, **fields: Unpack[MetricChanges]
    ) -> Metric:
        """Change the given fields."""
        place = path("/billable-metrics/{}", metric_id)
        return await self._call(Metric, "PATCH", place, body=fields, if_match=if_match)

    async def list(self, **query: Unpack[MetricQuery]) -> PaginatedResponse[Metric]:
        """A page of metrics."""
        return await self._list(Metric, "/billable-metrics", query)

    def iterate(self, **query: Unpack[MetricQuery]) -> AsyncIterator[Metric]:
        """All metrics that the query finds, over all pages."""
        return self._walk(Metric, "/billable-metrics", query)

    async def delete(self, metric_id: str) -> Deletion:
        """Delete it."""
        return await self._call(Deletion, "DELETE", path("/billable-metrics/{}", metric_id))

    async def evaluate_expression(
        self,
        *,
        expression: str,
        event: Optional[Mapping[str, Any]] = None,
        idempotency_key: Optional[str] = None,
    ) -> Record:
        """The `value` that an expression has for a sample event. Nothing is stored."""
        body = given(expression=expression, event=event)
        place = "/billable-metrics/evaluate-expression"
        return await self._call(Record, "POST", place, body=body, idempotency_key=idempotency_key)


class AsyncCouponsResource(AsyncResource):
    """`client.coupons`"""

    async def create(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewCoupon]) -> Coupon:
        """A new coupon."""
        return await self._call(Coupon, "POST", "/coupons", body=fields, idempotency_key=idempotency_key)

    async def get(self, coupon_id: str) -> Coupon:
        """One coupon, by id or code."""
        return await self._call(Coupon, "GET", path("/coupons/{}", coupon_id))

    async def update(
        self, coupon_id: str, *, if_match: Optional[str] = None, **fields: Unpack[CouponChanges]
    ) -> Coupon:
        """Change the given fields."""
        place = path("/coupons/{}", coupon_id)
        return await self._call(Coupon, "PATCH", place, body=fields, if_match=if_match)

    async def list(self, **query: Unpack[PageQuery]) -> PaginatedResponse[Coupon]:
        """A page of coupons."""
        return await self._list(Coupon, "/coupons", query)

    def iterate(self, **query: Unpack[PageQuery]) -> AsyncIterator[Coupon]:
        """All coupons that the query finds, over all pages."""
        return self._walk(Coupon, "/coupons", query)

    async def delete(self, coupon_id: str) -> Deletion:
        """Delete it."""
        return await self._call(Deletion, "DELETE", path("/coupons/{}", coupon_id))

    async def apply(
        self,
        *,
        customer_id: str,
        coupon_id: Optional[str] = None,
        coupon_code: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> AppliedCoupon:
        """Give a coupon, by id or code, to a customer."""
        body = given(customer_id=customer_id, coupon_id=coupon_id, coupon_code=coupon_code)
        return await self._call(
            AppliedCoupon, "POST", "/coupons/apply", body=body, idempotency_key=idempotency_key
        )

    async def remove(self, applied_coupon_id: str) -> AppliedCoupon:
        """Take a coupon from its customer."""
        return await self._call(AppliedCoupon, "DELETE", path("/coupons/applied/{}", applied_coupon_id))


class AsyncTaxesResource(AsyncResource):
    """`client.taxes`"""

    async def create(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewTax]) -> Tax:
        """A new tax."""
        return await self._call(Tax, "POST", "/taxes", body=fields, idempotency_key=idempotency_key)

    async def get(self, tax_id: str) -> Tax:
        """One tax, by id or code."""
        return await self._call(Tax, "GET", path("/taxes/{}", tax_id))

    async def update(
        self, tax_id: str, *, if_match: Optional[str] = None, **fields: Unpack[TaxChanges]
    ) -> Tax:
        """Change the given fields."""
        place = path("/taxes/{}", tax_id)
        return await self._call(Tax, "PATCH", place, body=fields, if_match=if_match)

    async def list(self, **query: Unpack[TaxQuery]) -> PaginatedResponse[Tax]:
        """A page of taxes."""
        return await self._list(Tax, "/taxes", query)

    def iterate(self, **query: Unpack[TaxQuery]) -> AsyncIterator[Tax]:
        """All taxes that the query finds, over all pages."""
        return self._walk(Tax, "/taxes", query)

    async def delete(self, tax_id: str) -> Deletion:
        """Delete it."""
        return await self._call(Deletion, "DELETE", path("/taxes/{}", tax_id))


class AsyncAddOnsResource(AsyncResource):
    """`client.add_ons`"""

    async def create(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewAddOn]) -> AddOn:
        """A new add-on."""
        return await self._call(AddOn, "POST", "/add-ons", body=fields, idempotency_key=idempotency_key)

    async def get(self, add_on_id: str) -> AddOn:
        """One add-on, by id or code."""
        return await self._call(AddOn, "GET", path("/add-ons/{}", add_on_id))

    async def update(
        self, add_on_id: str, *, if_match: Optional[str] = None, **fields: Unpack[AddOnChanges]
    ) -> AddOn:
        """Change the given fields."""
        place = path("/add-ons/{}", add_on_id)
        return await self._call(AddOn, "PATCH", place, body=fields, if_match=if_match)

    async def list(self, **query: Unpack[AddOnQuery]) -> PaginatedResponse[AddOn]:
        """A page of add-ons."""
        return await self._list(AddOn, "/add-ons", query)

    def iterate(self, **query: Unpack[AddOnQuery]) -> AsyncIterator[AddOn]:
        """All add-ons that the query finds, over all pages."""
        return self._walk(AddOn, "/add-ons", query)

    async def delete(self, add_on_id: str) -> Deletion:
        """Delete it."""
        return await self._call(Deletion, "DELETE", path("/add-ons/{}", add_on_id))
