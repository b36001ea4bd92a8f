"""Bodies and queries of /api/customers."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, ClassVar

from ninja import Field
from pydantic import AliasChoices, StrictBool, StrictInt

from billing.rules.words import Words
from billing.web.api import ApiSchema, plain_json
from billing.web.api_lists import ListQuery
from customers.models import CustomerStatus

ADDRESS = ("address_line1", "address_line2", "postal_code", "city", "state", "country")


def also(*names: str, default: Any = None) -> Any:
    """A field that other systems' names are understood for; the first name is ours."""
    return Field(default, validation_alias=AliasChoices(*names), serialization_alias=names[0])


class AddressIn(ApiSchema):
    """A postal address; only the given parts change."""

    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None


class CustomerChanges(ApiSchema):
    """What PATCH takes: fields that are left out stay, `metadata` and `tags` are replaced whole, `customFields` and
    `taxIdentifiers` change by key, null empties. Another `customerType` needs a `reason`.
    """

    external_id: str | None = None
    email: str | None = None
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    customer_type: str | None = also("customerType", "customer_type", "type")
    reason: str | None = None
    status: str | None = None
    country: str | None = None
    currency: str | None = also("currency", "preferredCurrency", "preferred_currency")
    timezone: str | None = None
    locale: str | None = None
    phone: str | None = None
    url: str | None = also("url", "website")
    legal_name: str | None = None
    legal_number: str | None = None
    tax_id: str | None = also("taxId", "tax_id", "vatNumber", "vat_number")
    tax_identifiers: dict[str, str | None] | None = None
    address: AddressIn | None = also("address", "billingAddress", "billing_address")
    shipping_address: AddressIn | None = None
    billing_entity_id: str | None = None
    billing_model: str | None = None
    mode: str | None = None
    preferred_provider: str | None = None
    disabled_providers: list[str] | None = None
    collect_automatically: StrictBool | None = None
    provider_customer_ids: dict[str, str | None] | None = None
    net_payment_term_days: StrictInt | None = also(
        "netPaymentTermDays",
        "net_payment_term_days",
        "netPaymentTerms",
        "paymentTermsDays",
        "payment_terms_days",
    )
    grace_period_days: StrictInt | None = None
    zero_amount_invoices: StrictBool | None = None
    email_invoices: StrictBool | None = None
    usage_annex: StrictBool | None = None
    einvoice_email: str | None = None
    peppol_id: str | None = None
    prefer_einvoice: StrictBool | None = None
    vat_validation_disabled: StrictBool | None = None
    vat_validation_disabled_reason: str | None = None
    auto_validate_vat: StrictBool | None = also("autoValidateVat", "auto_validate_vat", "autoValidateVAT")
    default_auto_topup_enabled: StrictBool | None = None
    default_auto_topup_amount: Decimal | None = None
    default_low_balance_threshold: Decimal | None = None
    default_max_balance: Decimal | None = None
    default_max_single_credit: Decimal | None = None
    default_credit_limit: Decimal | None = None
    tax_codes: list[str] | None = None
    tags: list[str] | None = None
    custom_fields: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None

    def columns(self) -> dict[str, Any]:
        """The given fields by the names of the actions; billing entity and taxes are left to the caller."""
        given = self.model_dump(exclude_unset=True)
        for name in (
            "billing_entity_id",
            "tax_codes",
            "reason",
            "auto_validate_vat",
            "provider_customer_ids",
        ):
            given.pop(name, None)
        for name in ("metadata", "custom_fields"):
            if name in given:
                given[name] = plain_json(given[name], field=name)
        if "default_auto_topup_enabled" in given:
            given["default_auto_top_up_enabled"] = given.pop("default_auto_topup_enabled")
        country = {"country": given.pop("country")} if "country" in given else {}
        for name, prefix in (("address", "address_"), ("shipping_address", "shipping_")):
            if name in given:
                given |= parts(given.pop(name), prefix)
        return given | country  # the field at the top wins over the one in the address


def parts(address: dict[str, Any] | None, prefix: str) -> dict[str, Any]:
    """The columns of an address; null empties all of them."""
    every = dict.fromkeys(("line1", "line2", "postal_code", "city", "state", "country"))
    values = every if address is None else address
    if prefix == "shipping_":
        return {f"shipping_{name}": value for name, value in values.items()}
    return {f"address_{name}" if name.startswith("line") else name: value for name, value in values.items()}


class CustomerIn(CustomerChanges):
    """What POST takes: an e-mail, and whatever else is known."""

    email: str


CUSTOMER_SORTS = {
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "name": "name",
    "email": "email",
    "externalId": "external_id",
    "country": "country",
    "currency": "currency",
    "status": "status",
}


class CustomerFilters(ListQuery):
    """What the list can be narrowed to, and its order."""

    SORTS: ClassVar = CUSTOMER_SORTS

    search: str | None = None
    email: str | None = None
    status: Annotated[str | None, Words(*CustomerStatus.values)] = None
    country: str | None = None
    currency: str | None = None
    tags: str | None = None
    offset: int | None = None
    include_deleted: bool = False
