"""A customer as the API and events show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Prefetch

from billing.models import Organization
from billing.rules.ids import encode
from billing.rules.money import from_minor
from customers.models import Customer
from customers.queries.overview import with_figures
from customers.queries.shapes import (
    CustomerAddressOut,
    CustomerDefaultsOut,
    CustomerDocumentsOut,
    CustomerOut,
    CustomerPayingOut,
    CustomerTaxesOut,
)
from customers.queries.tags import tag_names
from invoicing.queries.provider_links import known_links


def payload_of(customer: Customer) -> CustomerOut:
    """The customer with its figures, fresh from the table."""
    return payloads(customer.organization, [customer.pk])[0]


def payloads(organization: Organization, ids: Iterable[Any]) -> list[CustomerOut]:
    """These customers, in this order. Four queries, however many they are."""
    keys = list(ids)
    links = known_links().order_by("-provider__priority", "-provider__created_at")
    rows = with_figures(Customer.objects.of(organization).filter(pk__in=keys)).prefetch_related(
        "taxes", Prefetch("provider_links", queryset=links)
    )
    found = rows.in_bulk()
    tagged = any(row.tag_ids for row in found.values())
    names = tag_names(organization) if tagged else {}
    return [customer_payload(found[key], names) for key in keys if key in found]


def customer_payload(row: Any, tags: Mapping[UUID, str]) -> CustomerOut:
    """A customer of `with_figures`, camelCase. Empty texts are null, amounts are in major units; `currency` and
    `netPaymentTermDays` stand there under the names of other systems too.
    """
    return {
        "id": row.public_id,
        "organizationId": encode("org", row.organization_id),
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
        "preferredCurrency": row.currency,
        "timezone": row.timezone or None,
        "locale": row.locale or None,
        "phone": row.phone or None,
        "url": row.url or None,
        "legalName": row.legal_name or None,
        "legalNumber": row.legal_number or None,
        "address": address(row, "address_", ""),
        "shippingAddress": address(row, "shipping_", "shipping_"),
        "billingEntityId": encode("ent", row.billing_entity_id),
        **tax_part(row),
        **documents_part(row),
        **payment_part(row),
        **wallet_part(row),
        "tags": sorted((tags[key] for key in row.tag_ids if key in tags), key=str.casefold),
        "customFields": row.custom_fields,
        "metadata": row.metadata,
        "totalSpent": from_minor(row.spent_minor, row.currency),
        "activeSubscriptions": row.active_subscriptions,
        "mergedInto": encode("cust", row.merged_into_id) if row.merged_into_id else None,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
        "deletedAt": row.deleted_at,
    }


def address(row: Any, lines: str, others: str) -> CustomerAddressOut:
    """An address; null for what is empty."""
    return {
        "line1": getattr(row, f"{lines}line1") or None,
        "line2": getattr(row, f"{lines}line2") or None,
        "postalCode": getattr(row, f"{others}postal_code") or None,
        "city": getattr(row, f"{others}city") or None,
        "state": getattr(row, f"{others}state") or None,
        "country": getattr(row, f"{others}country") or None,
    }


def tax_part(row: Any) -> CustomerTaxesOut:
    """Tax numbers, their state, and taxes."""
    return {
        "taxId": row.tax_id or None,
        "taxIdentifiers": row.tax_identifiers,
        "taxCodes": sorted(tax.code for tax in row.taxes.all()),
        "vatValidationStatus": row.vat_status,
        "vatValidationDisabled": row.vat_validation_disabled,
        "vatValidationDisabledReason": row.vat_validation_disabled_reason or None,
    }


def documents_part(row: Any) -> CustomerDocumentsOut:
    """How invoices are made and where they go; null means as the billing entity does."""
    return {
        "netPaymentTermDays": row.net_payment_term_days,
        "paymentTermsDays": row.net_payment_term_days,
        "gracePeriodDays": row.grace_period_days,
        "zeroAmountInvoices": row.zero_amount_invoices,
        "emailInvoices": row.email_invoices,
        "usageAnnex": row.usage_annex,
        "einvoiceEmail": row.einvoice_email or None,
        "peppolId": row.peppol_id or None,
        "preferEinvoice": row.prefer_einvoice,
    }


def payment_part(row: Any) -> CustomerPayingOut:
    """How the customer pays, and under which id providers know it."""
    return {
        "billingModel": row.billing_model,
        "preferredProvider": row.preferred_provider or None,
        "disabledProviders": row.disabled_providers,
        "collectAutomatically": row.collect_automatically,
        "providerCustomerIds": {link.provider.type: link.external_id for link in row.provider_links.all()},
    }


def wallet_part(row: Any) -> CustomerDefaultsOut:
    """Mode, and the defaults that new wallets get."""

    def major(minor: int | None) -> Any:
        return None if minor is None else from_minor(minor, row.currency)

    return {
        "mode": row.mode,
        "defaultAutoTopupEnabled": row.default_auto_top_up_enabled,
        "defaultAutoTopupAmount": major(row.default_auto_top_up_minor),
        "defaultLowBalanceThreshold": major(row.default_low_balance_minor),
        "defaultMaxBalance": major(row.default_max_balance_minor),
        "defaultMaxSingleCredit": major(row.default_max_single_credit_minor),
        "defaultCreditLimit": major(row.default_credit_limit_minor),
    }
