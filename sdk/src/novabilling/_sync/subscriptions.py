# Made by tools/unasync.py from _async/subscriptions.py: change it there.
"""Subscriptions and alerts."""

from __future__ import annotations

from typing import Iterator, Optional, Sequence

from typing_extensions import Unpack

from .._wire import given, path
from ..fields import (
    AlertChanges,
    FixedUnits,
    NewAlert,
    NewSubscription,
    NewThreshold,
    PageQuery,
    SubscriptionChanges,
    SubscriptionQuery,
)
from ..fields.base import Moment, Number
from ..types import Alert, PaginatedResponse, Record, Subscription, Usage
from .resource import Resource


class SubscriptionsResource(Resource):
    """`client.subscriptions`"""

    def create(
        self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewSubscription]
    ) -> Subscription:
        """A plan for a customer: it starts now, then, or in the past."""
        return self._call(
            Subscription, "POST", "/subscriptions", body=fields, idempotency_key=idempotency_key
        )

    def get(self, subscription_id: str) -> Subscription:
        """One subscription."""
        return self._call(Subscription, "GET", path("/subscriptions/{}", subscription_id))

    def update(
        self, subscription_id: str, *, if_match: Optional[str] = None, **fields: Unpack[SubscriptionChanges]
    ) -> Subscription:
        """Change the given fields."""
        place = path("/subscriptions/{}", subscription_id)
        return self._call(Subscription, "PATCH", place, body=fields, if_match=if_match)

    def list(self, **query: Unpack[SubscriptionQuery]) -> PaginatedResponse[Subscription]:
        """A page of subscriptions."""
        return self._list(Subscription, "/subscriptions", query)

    def iterate(self, **query: Unpack[SubscriptionQuery]) -> Iterator[Subscription]:
        """All subscriptions that the query finds, over all pages."""
        return self._walk(Subscription, "/subscriptions", query)

    def cancel(
        self,
        subscription_id: str,
        *,
        cancel_at_period_end: bool = False,
        reason: str = "",
        idempotency_key: Optional[str] = None,
    ) -> Subscription:
        """The customer wants out: now, with a closing bill, or at the end of the running period."""
        place = path("/subscriptions/{}/cancel", subscription_id)
        body = {"cancel_at_period_end": cancel_at_period_end, "reason": reason}
        return self._call(Subscription, "POST", place, body=body, idempotency_key=idempotency_key)

    def keep(self, subscription_id: str, *, idempotency_key: Optional[str] = None) -> Subscription:
        """Take back a cancellation at the end of the period."""
        place = path("/subscriptions/{}/keep", subscription_id)
        return self._call(Subscription, "POST", place, idempotency_key=idempotency_key)

    def terminate(
        self,
        subscription_id: str,
        *,
        reason: str = "",
        on_termination_invoice: Optional[str] = None,
        on_termination_credit_note: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> Subscription:
        """End it now. `on_termination_invoice`: generate or skip; `on_termination_credit_note`: credit, refund,
        offset or skip.
        """
        place = path("/subscriptions/{}/terminate", subscription_id)
        body = given(
            reason=reason,
            on_termination_invoice=on_termination_invoice,
            on_termination_credit_note=on_termination_credit_note,
        )
        return self._call(Subscription, "POST", place, body=body, idempotency_key=idempotency_key)

    def pause(
        self,
        subscription_id: str,
        *,
        resumes_at: Optional[Moment] = None,
        reason: str = "",
        idempotency_key: Optional[str] = None,
    ) -> Subscription:
        """Nothing is billed until it is resumed, or `resumes_at` has come."""
        place = path("/subscriptions/{}/pause", subscription_id)
        body = given(resumes_at=resumes_at, reason=reason)
        return self._call(Subscription, "POST", place, body=body, idempotency_key=idempotency_key)

    def resume(self, subscription_id: str, *, idempotency_key: Optional[str] = None) -> Subscription:
        """It goes on now."""
        place = path("/subscriptions/{}/resume", subscription_id)
        return self._call(Subscription, "POST", place, idempotency_key=idempotency_key)

    def change_plan(
        self,
        subscription_id: str,
        *,
        plan_id: str,
        when: Optional[str] = None,
        prorate: bool = True,
        idempotency_key: Optional[str] = None,
    ) -> Subscription:
        """Another plan, by id or code. `when`: now or period_end; without it, as much or more a year changes now,
        less waits. Now: the subscription that follows is answered, with a new id and the same external id.
        """
        place = path("/subscriptions/{}/change-plan", subscription_id)
        body = given(plan_id=plan_id, when=when, prorate=prorate)
        return self._call(Subscription, "POST", place, body=body, idempotency_key=idempotency_key)

    def preview_plan_change(
        self,
        subscription_id: str,
        *,
        plan_id: str,
        when: Optional[str] = None,
        prorate: bool = True,
        idempotency_key: Optional[str] = None,
    ) -> Record:
        """The next invoices without and with the change. Nothing is written."""
        place = path("/subscriptions/{}/change-plan/preview", subscription_id)
        body = given(plan_id=plan_id, when=when, prorate=prorate)
        return self._call(Record, "POST", place, body=body, idempotency_key=idempotency_key)

    def keep_plan(self, subscription_id: str, *, idempotency_key: Optional[str] = None) -> Subscription:
        """Call off a change of plan that waits."""
        place = path("/subscriptions/{}/keep-plan", subscription_id)
        return self._call(Subscription, "POST", place, idempotency_key=idempotency_key)

    def get_usage(self, subscription_id: str) -> Usage:
        """The usage of the running period."""
        return self._call(Usage, "GET", path("/subscriptions/{}/usage", subscription_id))

    def get_lifetime_usage(self, subscription_id: str) -> Record:
        """All usage since it started."""
        return self._call(Record, "GET", path("/subscriptions/{}/lifetime-usage", subscription_id))

    def get_thresholds(self, subscription_id: str) -> Record:
        """The amounts of usage at which it is billed before its period ends."""
        return self._call(Record, "GET", path("/subscriptions/{}/thresholds", subscription_id))

    def set_thresholds(
        self,
        subscription_id: str,
        *,
        thresholds: Sequence[NewThreshold],
        progressive_billing: bool = True,
        historical_usage: Optional[Number] = None,
    ) -> Record:
        """Replace all of its own."""
        place = path("/subscriptions/{}/thresholds", subscription_id)
        body = given(
            thresholds=list(thresholds),
            progressive_billing=progressive_billing,
            historical_usage=historical_usage,
        )
        return self._call(Record, "PUT", place, body=body)

    def get_fixed_charges(self, subscription_id: str) -> PaginatedResponse[Record]:
        """The units that it has of what its plan brings."""
        return self._list(Record, path("/subscriptions/{}/fixed-charges", subscription_id), {})

    def set_units(
        self,
        subscription_id: str,
        *,
        units: Sequence[FixedUnits],
        from_: str = "now",
        idempotency_key: Optional[str] = None,
    ) -> Record:
        """Other units of fixed charges, `from_` now or next_period."""
        place = path("/subscriptions/{}/fixed-charges", subscription_id)
        body = {"units": list(units), "from_": from_}
        return self._call(Record, "POST", place, body=body, idempotency_key=idempotency_key)

    def get_alerts(self, subscription_id: str, **query: Unpack[PageQuery]) -> PaginatedResponse[Alert]:
        """Its alerts."""
        return self._list(Alert, path("/subscriptions/{}/alerts", subscription_id), query)

    def create_alert(
        self, subscription_id: str, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewAlert]
    ) -> Alert:
        """Tell when its usage passes a value."""
        place = path("/subscriptions/{}/alerts", subscription_id)
        return self._call(Alert, "POST", place, body=fields, idempotency_key=idempotency_key)


class AlertsResource(Resource):
    """`client.alerts`"""

    def get(self, alert_id: str) -> Alert:
        """One alert."""
        return self._call(Alert, "GET", path("/alerts/{}", alert_id))

    def update(
        self, alert_id: str, *, if_match: Optional[str] = None, **fields: Unpack[AlertChanges]
    ) -> Alert:
        """Change the given fields."""
        place = path("/alerts/{}", alert_id)
        return self._call(Alert, "PATCH", place, body=fields, if_match=if_match)

    def get_crossings(self, alert_id: str, **query: Unpack[PageQuery]) -> PaginatedResponse[Record]:
        """What it has told, newest first."""
        return self._list(Record, path("/alerts/{}/crossings", alert_id), query)

    def delete(self, alert_id: str) -> None:
        """It tells nothing more."""
        self._call(Record, "DELETE", path("/alerts/{}", alert_id))
