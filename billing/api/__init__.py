"""Registers the routers of this app."""

from billing.api import (
    add_ons,
    api_keys,
    charges,
    coupons,
    fixed_charges,
    metrics,
    plan_prices,
    plans,
    price_versions,
    taxes,
    thresholds,
    webhooks,
)
from billing.api.events import router as events
from billing.api.exports import router as exports
from billing.api.organization import router as organization
from billing.web.api import api

__all__ = ["thresholds"]  # stands on the router of plans

api.add_router("/events", events)
api.add_router("/billable-metrics", metrics.router)
api.add_router("/plans", plans.router)
api.add_router("/plans", plan_prices.router)
api.add_router("/plans", fixed_charges.router)
api.add_router("/plans", price_versions.router)
api.add_router("/charges", charges.router)
api.add_router("/coupons", coupons.router)
api.add_router("/taxes", taxes.router)
api.add_router("/add-ons", add_ons.router)
api.add_router("/api-keys", api_keys.router)
api.add_router("/organization", organization)
api.add_router("/webhooks", webhooks.router)
api.add_router("/exports", exports)
