"""Importing this registers the function of every area."""

from tests.cases import aggregation, charges, dates, subscriptions  # noqa: F401
