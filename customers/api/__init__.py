"""Registers the routers of this app."""

from billing.web.api import api
from customers.api import customers, deletion, usage  # all stand on one router
from customers.api.merge import router as merging
from customers.api.router import router
from customers.api.subscriptions import router as subscriptions
from customers.api.wallets import router as wallets

__all__ = ["customers", "deletion", "usage"]

api.add_router("/customers/merge", merging)  # before the router whose `{id}` would take the word for an id
api.add_router("/customers", router)
api.add_router("/subscriptions", subscriptions)
api.add_router("/wallets", wallets)
