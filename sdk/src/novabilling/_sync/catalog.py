# Made by tools/unasync.py from _async/catalog.py: change it there.
"""Metrics, coupons, taxes and add-ons."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Optional

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
from .resource import Resource


class MetricsResource(Resource):
    """`client.metrics`"""

    def create(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewMetric]) -> Metric:
        """A new metric."""
        return self._call(Metric, "POST", "/billable-metrics", body=fields, idempotency_key=idempotency_key)

    def get(self, metric_id: str) -> Metric:
        """One metric, by id or code."""
        return self._call(Metric, "GET", path("/billable-metrics/{}", metric_id))

    def update(
        self, metric_id: str, *, if_match: Optional[str] = None, **fields: Unpack[MetricChanges]
    ) -> Metric:
        """Change the given fields."""
        place = path("/billable-metrics/{}", metric_id)
        return self._call(Metric, "PATCH", place, body=fields, if_match=if_match)

    def list(self, **query: Unpack[MetricQuery]) -> PaginatedResponse[Metric]:
        """A page of metrics."""
        return self._list(Metric, "/billable-metrics", query)

    def iterate(self, **query: Unpack[MetricQuery]) -> Iterator[Metric]:
        """All metrics that the query finds, over all pages."""
        return self._walk(Metric, "/billable-metrics", query)

    def delete(self, metric_id: str) -> Deletion:
        """Delete it."""
        return self._call(Deletion, "DELETE", path("/billable-metrics/{}", metric_id))

    def evaluate_expression(
        self,
        *,
        expression: str,
        event: Optional[Mapping[str, Any]] = None,
        idempotency_key: Optional[str] = None,
    ) -> Record:
        """The `value` that an expression has for a sample event. Nothing is stored."""
        body = given(expression=expression, event=event)
        place = "/billable-metrics/evaluate-expression"
        return self._call(Record, "POST", place, body=body, idempotency_key=idempotency_key)


class CouponsResource(Resource):
    """`client.coupons`"""

    def create(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewCoupon]) -> Coupon:
        """A new coupon."""
        return self._call(Coupon, "POST", "/coupons", body=fields, idempotency_key=idempotency_key)

    def get(self, coupon_id: str) -> Coupon:
        """One coupon, by id or code."""
        return self._call(Coupon, "GET", path("/coupons/{}", coupon_id))

    def update(
        self, coupon_id: str, *, if_match: Optional[str] = None, **fields: Unpack[CouponChanges]
    ) -> Coupon:
        """Change the given fields."""
        place = path("/coupons/{}", coupon_id)
        return self._call(Coupon, "PATCH", place, body=fields, if_match=if_match)

    def list(self, **query: Unpack[PageQuery]) -> PaginatedResponse[Coupon]:
        """A page of coupons."""
        return self._list(Coupon, "/coupons", query)

    def iterate(self, **query: Unpack[PageQuery]) -> Iterator[Coupon]:
        """All coupons that the query finds, over all pages."""
        return self._walk(Coupon, "/coupons", query)

    def delete(self, coupon_id: str) -> Deletion:
        """Delete it."""
        return self._call(Deletion, "DELETE", path("/coupons/{}", coupon_id))

    def apply(
        self,
        *,
        customer_id: str,
        coupon_id: Optional[str] = None,
        coupon_code: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> AppliedCoupon:
        """Give a coupon, by id or code, to a customer."""
        body = given(customer_id=customer_id, coupon_id=coupon_id, coupon_code=coupon_code)
        return self._call(AppliedCoupon, "POST", "/coupons/apply", body=body, idempotency_key=idempotency_key)

    def remove(self, applied_coupon_id: str) -> AppliedCoupon:
        """Take a coupon from its customer."""
        return self._call(AppliedCoupon, "DELETE", path("/coupons/applied/{}", applied_coupon_id))


class TaxesResource(Resource):
    """`client.taxes`"""

    def create(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewTax]) -> Tax:
        """A new tax."""
        return self._call(Tax, "POST", "/taxes", body=fields, idempotency_key=idempotency_key)

    def get(self, tax_id: str) -> Tax:
        """One tax, by id or code."""
        return self._call(Tax, "GET", path("/taxes/{}", tax_id))

    def update(self, tax_id: str, *, if_match: Optional[str] = None, **fields: Unpack[TaxChanges]) -> Tax:
        """Change the given fields."""
        place = path("/taxes/{}", tax_id)
        return self._call(Tax, "PATCH", place, body=fields, if_match=if_match)

    def list(self, **query: Unpack[TaxQuery]) -> PaginatedResponse[Tax]:
        """A page of taxes."""
        return self._list(Tax, "/taxes", query)

    def iterate(self, **query: Unpack[TaxQuery]) -> Iterator[Tax]:
        """All taxes that the query finds, over all pages."""
        return self._walk(Tax, "/taxes", query)

    def delete(self, tax_id: str) -> Deletion:
        """Delete it."""
        return self._call(Deletion, "DELETE", path("/taxes/{}", tax_id))


class AddOnsResource(Resource):
    """`client.add_ons`"""

    def create(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewAddOn]) -> AddOn:
        """A new add-on."""
        return self._call(AddOn, "POST", "/add-ons", body=fields, idempotency_key=idempotency_key)

    def get(self, add_on_id: str) -> AddOn:
        """One add-on, by id or code."""
        return self._call(AddOn, "GET", path("/add-ons/{}", add_on_id))

    def update(
        self, add_on_id: str, *, if_match: Optional[str] = None, **fields: Unpack[AddOnChanges]
    ) -> AddOn:
        """Change the given fields."""
        place = path("/add-ons/{}", add_on_id)
        return self._call(AddOn, "PATCH", place, body=fields, if_match=if_match)

    def list(self, **query: Unpack[AddOnQuery]) -> PaginatedResponse[AddOn]:
        """A page of add-ons."""
        return self._list(AddOn, "/add-ons", query)

    def iterate(self, **query: Unpack[AddOnQuery]) -> Iterator[AddOn]:
        """All add-ons that the query finds, over all pages."""
        return self._walk(AddOn, "/add-ons", query)

    def delete(self, add_on_id: str) -> Deletion:
        """Delete it."""
        return self._call(Deletion, "DELETE", path("/add-ons/{}", add_on_id))
