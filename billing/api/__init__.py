"""Registers the routers of this app."""

from billing.api import charges, coupons, metrics, plans, taxes, thresholds
from billing.api.events import router as events
from billing.web.api import api

__all__ = ["thresholds"]  # stands on the router of plans

api.add_router("/events", events)
api.add_router("/billable-metrics", metrics.router)
api.add_router("/plans", plans.router)
api.add_router("/charges", charges.router)
api.add_router("/coupons", coupons.router)
api.add_router("/taxes", taxes.router)
