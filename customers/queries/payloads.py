"""A customer as the API and webhooks show it."""

from __future__ import annotations

from typing import Any

from billing.rules.ids import encode
from billing.rules.money import from_minor


def customer_payload(row: Any) -> dict[str, Any]:
    """A customer of `with_figures`, camelCase. Empty texts are null, `totalSpent` is in major units."""
    return {
        "id": row.public_id,
        "externalId": row.external_id,
        "email": row.email or None,
        "name": row.name or None,
        "displayName": row.display_name,
        "firstName": row.first_name or None,
        "lastName": row.last_name or None,
        "customerType": row.customer_type,
        "status": row.status,
        "country": row.country or None,
        "currency": row.currency,
        "timezone": row.timezone or None,
        "locale": row.locale or None,
        "phone": row.phone or None,
        "url": row.url or None,
        "legalName": row.legal_name or None,
        "legalNumber": row.legal_number or None,
        "taxId": row.tax_id or None,
        "address": {
            "line1": row.address_line1 or None,
            "line2": row.address_line2 or None,
            "postalCode": row.postal_code or None,
            "city": row.city or None,
            "state": row.state or None,
            "country": row.country or None,
        },
        "shippingAddress": {
            "line1": row.shipping_line1 or None,
            "line2": row.shipping_line2 or None,
            "postalCode": row.shipping_postal_code or None,
            "city": row.shipping_city or None,
            "state": row.shipping_state or None,
            "country": row.shipping_country or None,
        },
        "billingEntityId": encode("ent", row.billing_entity_id),
        "preferredProvider": row.preferred_provider or None,
        "netPaymentTermDays": row.net_payment_term_days,
        "gracePeriodDays": row.grace_period_days,
        "taxCodes": sorted(tax.code for tax in row.taxes.all()),
        "metadata": row.metadata,
        "totalSpent": from_minor(row.spent_minor, row.currency),
        "activeSubscriptions": row.active_subscriptions,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
        "deletedAt": row.deleted_at,
    }
