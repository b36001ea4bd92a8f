"""`billing.on("customer.created", handler)`: code inside the project hears of what happens, after the commit."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Found when it is asked for, so that the rules load without Django."""
    if name == "on":
        return import_module("billing.actions.webhooks").on
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
