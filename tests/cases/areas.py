"""Importing this registers the function of every area."""

from tests.cases import (  # noqa: F401
    aggregation,
    charges,
    coupons_taxes,
    credit_notes,
    dates,
    documents,
    fixed_charges,
    in_advance,
    invoices,
    progressive,
    scenarios,
    subscriptions,
    usage,
    wallets,
)
