"""Registers the routers of this app."""

from billing.web.api import api
from customers.api import (  # on routers of others
    classification,
    customers,
    deletion,
    portal,
    reviews,
    thresholds,
    usage,
    vat,
)
from customers.api.alerts import router as alerts
from customers.api.clock import router as clock
from customers.api.custom_fields import router as custom_fields
from customers.api.merge import router as merging
from customers.api.router import router
from customers.api.subscriptions import router as subscriptions
from customers.api.tags import router as tags
from customers.api.wallets import router as wallets

__all__ = ["classification", "customers", "deletion", "portal", "reviews", "thresholds", "usage", "vat"]

api.add_router("/customers/merge", merging)  # before the router whose `{id}` would take the word for an id
api.add_router("/customers", router)
api.add_router("/subscriptions", subscriptions)
api.add_router("/tags", tags)
api.add_router("/custom-fields", custom_fields)
api.add_router("/wallets", wallets)
api.add_router("/clock", clock)
api.add_router("/alerts", alerts)
