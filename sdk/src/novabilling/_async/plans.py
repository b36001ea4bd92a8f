"""Plans and what they charge."""

from __future__ import annotations

from typing import AsyncIterator, Optional, Sequence

from typing_extensions import Unpack

from .._wire import path
from ..fields import (
    ChargeChanges,
    ChargePreview,
    FixedChargeChanges,
    NewCharge,
    NewFixedCharge,
    NewPlan,
    NewPlanPrice,
    NewThreshold,
    PageQuery,
    PlanChanges,
    PlanPriceChanges,
    PlanQuery,
)
from ..types import Charge, Deletion, FixedCharge, PaginatedResponse, Plan, PlanPrice, Record
from .resource import AsyncResource


class AsyncPlansResource(AsyncResource):
    """`client.plans`"""

    async def create(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewPlan]) -> Plan:
        """A new plan. ConflictError for a code that is in use."""
        return await self._call(Plan, "POST", "/plans", body=fields, idempotency_key=idempotency_key)

    async def get(self, plan_id: str) -> Plan:
        """One plan, by id or code."""
        return await self._call(Plan, "GET", path("/plans/{}", plan_id))

    async def update(
        self, plan_id: str, *, if_match: Optional[str] = None, **fields: Unpack[PlanChanges]
    ) -> Plan:
        """Change the given fields. `active=False`: nobody subscribes any more, subscriptions go on."""
        place = path("/plans/{}", plan_id)
        return await self._call(Plan, "PATCH", place, body=fields, if_match=if_match)

    async def list(self, **query: Unpack[PlanQuery]) -> PaginatedResponse[Plan]:
        """A page of plans."""
        return await self._list(Plan, "/plans", query)

    def iterate(self, **query: Unpack[PlanQuery]) -> AsyncIterator[Plan]:
        """All plans that the query finds, over all pages."""
        return self._walk(Plan, "/plans", query)

    async def delete(self, plan_id: str) -> Deletion:
        """Delete it; ConflictError while it has subscriptions."""
        return await self._call(Deletion, "DELETE", path("/plans/{}", plan_id))

    # --- Prices in other currencies
    async def get_prices(self, plan_id: str) -> PaginatedResponse[PlanPrice]:
        """All prices, that in the plan's own currency first."""
        return await self._list(PlanPrice, path("/plans/{}/prices", plan_id), {})

    async def create_price(
        self, plan_id: str, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewPlanPrice]
    ) -> PlanPrice:
        """The price in one more currency."""
        place = path("/plans/{}/prices", plan_id)
        return await self._call(PlanPrice, "POST", place, body=fields, idempotency_key=idempotency_key)

    async def update_price(
        self, plan_id: str, price_id: str, **fields: Unpack[PlanPriceChanges]
    ) -> PlanPrice:
        """Change the given fields."""
        place = path("/plans/{}/prices/{}", plan_id, price_id)
        return await self._call(PlanPrice, "PATCH", place, body=fields)

    async def delete_price(self, plan_id: str, price_id: str) -> Deletion:
        """Sell it in this currency no more; ConflictError once somebody has subscribed in it."""
        return await self._call(Deletion, "DELETE", path("/plans/{}/prices/{}", plan_id, price_id))

    # --- Charges: what usage costs
    async def get_charges(self, plan_id: str, **query: Unpack[PageQuery]) -> PaginatedResponse[Charge]:
        """In the order of the plan."""
        return await self._list(Charge, path("/plans/{}/charges", plan_id), query)

    async def create_charge(
        self, plan_id: str, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewCharge]
    ) -> Charge:
        """One more charge."""
        place = path("/plans/{}/charges", plan_id)
        return await self._call(Charge, "POST", place, body=fields, idempotency_key=idempotency_key)

    async def update_charge(self, plan_id: str, charge_id: str, **fields: Unpack[ChargeChanges]) -> Charge:
        """Change the given fields; model and properties are replaced whole."""
        place = path("/plans/{}/charges/{}", plan_id, charge_id)
        return await self._call(Charge, "PATCH", place, body=fields)

    async def delete_charge(
        self, plan_id: str, charge_id: str, *, existing_subscriptions: Optional[str] = None
    ) -> Deletion:
        """Usage is then not billed."""
        place, query = (
            path("/plans/{}/charges/{}", plan_id, charge_id),
            {"existing_subscriptions": existing_subscriptions},
        )
        return await self._call(Deletion, "DELETE", place, query=query)

    # --- Fixed charges: units that come with the plan
    async def get_fixed_charges(
        self, plan_id: str, **query: Unpack[PageQuery]
    ) -> PaginatedResponse[FixedCharge]:
        """In the order of the plan."""
        return await self._list(FixedCharge, path("/plans/{}/fixed-charges", plan_id), query)

    async def create_fixed_charge(
        self, plan_id: str, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewFixedCharge]
    ) -> FixedCharge:
        """One more fixed charge."""
        place = path("/plans/{}/fixed-charges", plan_id)
        return await self._call(FixedCharge, "POST", place, body=fields, idempotency_key=idempotency_key)

    async def update_fixed_charge(
        self, plan_id: str, fixed_charge_id: str, **fields: Unpack[FixedChargeChanges]
    ) -> FixedCharge:
        """Change the given fields."""
        place = path("/plans/{}/fixed-charges/{}", plan_id, fixed_charge_id)
        return await self._call(FixedCharge, "PATCH", place, body=fields)

    async def delete_fixed_charge(
        self, plan_id: str, fixed_charge_id: str, *, existing_subscriptions: Optional[str] = None
    ) -> Deletion:
        """It is not billed any more."""
        place, query = (
            path("/plans/{}/fixed-charges/{}", plan_id, fixed_charge_id),
            {"existing_subscriptions": existing_subscriptions},
        )
        return await self._call(Deletion, "DELETE", place, query=query)

    # --- Thresholds at which usage is billed before the period ends
    async def get_thresholds(self, plan_id: str) -> PaginatedResponse[Record]:
        """Those of the plan."""
        return await self._list(Record, path("/plans/{}/thresholds", plan_id), {})

    async def set_thresholds(self, plan_id: str, *, thresholds: Sequence[NewThreshold]) -> Record:
        """Replace all of them."""
        return await self._call(
            Record, "PUT", path("/plans/{}/thresholds", plan_id), body={"thresholds": list(thresholds)}
        )

    # --- Versions of its prices
    async def get_versions(self, plan_id: str) -> PaginatedResponse[Record]:
        """All versions of its prices, the newest first."""
        return await self._list(Record, path("/plans/{}/versions", plan_id), {})

    async def preview_prices(
        self, plan_id: str, *, idempotency_key: Optional[str] = None, **fields: Unpack[PlanChanges]
    ) -> Record:
        """What a change of prices would do to the next invoices."""
        place = path("/plans/{}/price-effect", plan_id)
        return await self._call(Record, "POST", place, body=fields, idempotency_key=idempotency_key)


class AsyncChargesResource(AsyncResource):
    """`client.charges`"""

    async def preview(
        self, *, idempotency_key: Optional[str] = None, **fields: Unpack[ChargePreview]
    ) -> Record:
        """What units would cost, with the steps that make the amount. Nothing is stored."""
        return await self._call(
            Record, "POST", "/charges/preview", body=fields, idempotency_key=idempotency_key
        )
