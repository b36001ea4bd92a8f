"""Registers the routers of this app."""

from billing.web.api import api
from customers.api import (  # several stand on one router
    classification,
    customers,
    deletion,
    dunning,
    erasure,
    payment_methods,
    payments,
    plan_changes,
    portal,
    reviews,
    statement,
    thresholds,
    units,
    usage,
    vat,
    wallet_credits,
    wallet_schedules,
    wallets,
)
from customers.api.alerts import router as alerts
from customers.api.analytics import router as analytics
from customers.api.bulk import router as bulk
from customers.api.clock import router as clock
from customers.api.custom_fields import router as custom_fields
from customers.api.merge import router as merging
from customers.api.router import router
from customers.api.subscriptions import router as subscriptions
from customers.api.tags import router as tags
from customers.api.wallet_rows import router as wallet_router

__all__ = [
    "classification",
    "customers",
    "deletion",
    "dunning",
    "erasure",
    "payment_methods",
    "payments",
    "plan_changes",
    "portal",
    "reviews",
    "statement",
    "thresholds",
    "units",
    "usage",
    "vat",
    "wallet_credits",
    "wallet_schedules",
    "wallets",
]

api.add_router("/customers/merge", merging)  # before the router whose `{id}` would take the word for an id
api.add_router("/customers/bulk", bulk)
api.add_router("/customers", router)
api.add_router("/subscriptions", subscriptions)
api.add_router("/tags", tags)
api.add_router("/custom-fields", custom_fields)
api.add_router("/wallets", wallet_router)
api.add_router("/clock", clock)
api.add_router("/alerts", alerts)
api.add_router("/analytics", analytics)
