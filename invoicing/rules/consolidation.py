"""Consolidation: which due subscriptions share one invoice.

Law: one invoice per customer, currency, billing entity, payment method and purchase order;
a subscription that asks not to be consolidated gets its own. Order in, order out.

Example: a customer's two EUR plans due today make one invoice, its USD plan another.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Due:
    """A subscription due for billing; ids are opaque."""

    subscription_id: str
    customer_id: str
    currency: str
    billing_entity_id: str
    payment_method: str | None = None
    purchase_order: str | None = None
    consolidate: bool = True


def group_due(due: Iterable[Due]) -> list[tuple[Due, ...]]:
    """The subscriptions of each invoice to make."""
    groups: dict[tuple[str | None, ...], list[Due]] = {}
    for item in due:
        key = (
            item.customer_id,
            item.currency,
            item.billing_entity_id,
            item.payment_method,
            item.purchase_order,
            None if item.consolidate else item.subscription_id,
        )
        groups.setdefault(key, []).append(item)
    return [tuple(group) for group in groups.values()]
