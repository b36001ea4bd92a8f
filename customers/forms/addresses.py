"""The two addresses of a customer as form fields."""

from __future__ import annotations

from customers.models import Customer

BILLING = ("address_line1", "address_line2", "postal_code", "city", "state", "country")
SHIPPING = tuple(f"shipping_{name.removeprefix('address_')}" for name in BILLING)
PAIRS = tuple(zip(BILLING, SHIPPING, strict=True))


def shipping_is_billing(customer: Customer) -> bool:
    """Whether goods go to the billing address: no shipping address of its own, or the same one."""
    pairs = [(getattr(customer, one), getattr(customer, other)) for one, other in PAIRS]
    return not any(other for _, other in pairs) or all(one == other for one, other in pairs)
