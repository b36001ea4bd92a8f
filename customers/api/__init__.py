"""Registers the routers of this app."""

from billing.web.api import api
from customers.api import customers, deletion, usage  # all stand on one router
from customers.api.router import router

__all__ = ["customers", "deletion", "usage"]

api.add_router("/customers", router)
