"""Two customers for the rules of a merge, and a merge for the API."""

from __future__ import annotations

from typing import Any

from customers.models import Customer, Merge
from customers.queries.locks import LOCKED_FIELDS, lock_reasons, lock_sentence
from customers.queries.shapes import MergeOut
from customers.rules.merging import COLUMNS


def values_of(customer: Customer) -> dict[str, Any]:
    """{column: value} of everything that can be chosen; taxes as sorted ids."""
    values = {name: getattr(customer, name) for name in COLUMNS if name != "taxes"}
    return values | {"taxes": sorted(customer.taxes.values_list("pk", flat=True))}


def fixed_fields(target: Customer) -> dict[str, str]:
    """{field: sentence} of what the target can no longer change."""
    reasons = lock_reasons(target)
    return dict.fromkeys(LOCKED_FIELDS, lock_sentence(reasons)) if reasons else {}


def merge_payload(merge: Merge) -> MergeOut:
    """The ids and counts of a merge. Payment methods are the links to providers that moved; no customer has prices of
    its own, so there are none to move.
    """
    counts = merge.counts
    return {
        "sourceCustomerId": merge.source.public_id,
        "targetCustomerId": merge.target.public_id,
        "subscriptionsCount": counts["subscriptions"],
        "invoicesCount": counts["invoices"],
        "paymentMethodsCount": counts["payment_methods"],
        "usageEventsCount": counts["usage_events"],
        "promotionRedemptionsCount": counts["coupons"],
        "customerScopedPricesCount": 0,
        "walletsMovedCount": counts["wallets_moved"],
        "walletsMergedCount": counts["wallets_merged"],
    }
