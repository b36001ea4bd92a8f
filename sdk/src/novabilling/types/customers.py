"""Customers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Optional, Union

from .base import Amount, Json, Model
from .literals import CustomerStatus, CustomerType


class Address(Model):
    """A postal address."""

    line1: Optional[str] = None
    line2: Optional[str] = None
    postal_code: Optional[str] = None
    city: Optional[str] = None
    state: Optional[str] = None
    country: Optional[str] = None


class Customer(Model):
    """Who is billed. `total_spent` is what was ever paid, in major units of `currency`."""

    id: str
    organization_id: str = ""
    external_id: str = ""
    email: Optional[str] = None
    name: Optional[str] = None
    display_name: str = ""
    first_name: Optional[str] = None
    last_name: Optional[str] = None
    customer_type: Union[CustomerType, str] = "unknown"
    status: Union[CustomerStatus, str] = "active"
    country: Optional[str] = None
    currency: str = ""
    timezone: Optional[str] = None
    locale: Optional[str] = None
    phone: Optional[str] = None
    url: Optional[str] = None
    legal_name: Optional[str] = None
    legal_number: Optional[str] = None
    address: Optional[Address] = None
    shipping_address: Optional[Address] = None
    billing_entity_id: Optional[str] = None
    tax_id: Optional[str] = None
    tax_identifiers: Json = {}
    tax_codes: List[str] = []
    vat_validation_status: Optional[str] = None
    vat_validation_disabled: bool = False
    vat_validation_disabled_reason: Optional[str] = None
    net_payment_term_days: Optional[int] = None
    grace_period_days: Optional[int] = None
    zero_amount_invoices: Optional[bool] = None
    email_invoices: Optional[bool] = None
    usage_annex: Optional[bool] = None
    einvoice_email: Optional[str] = None
    peppol_id: Optional[str] = None
    prefer_einvoice: Optional[bool] = None
    billing_model: Optional[str] = None
    preferred_provider: Optional[str] = None
    disabled_providers: List[str] = []
    collect_automatically: Optional[bool] = None
    provider_customer_ids: Dict[str, Any] = {}
    mode: Optional[str] = None
    default_auto_topup_enabled: Optional[bool] = None
    default_auto_topup_amount: Optional[Amount] = None
    default_low_balance_threshold: Optional[Amount] = None
    default_max_balance: Optional[Amount] = None
    default_max_single_credit: Optional[Amount] = None
    default_credit_limit: Optional[Amount] = None
    tags: List[str] = []
    custom_fields: Json = {}
    metadata: Json = {}
    total_spent: Amount = 0
    active_subscriptions: int = 0
    merged_into: Optional[str] = None
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None
    deleted_at: Optional[datetime] = None


class VatVerification(Model):
    """One look at a customer's VAT number."""

    id: str = ""
    status: Optional[str] = None
    created_at: Optional[datetime] = None


class Deletion(Model):
    """That something was deleted, or is being deleted by a job."""

    id: str = ""
    deleted: bool = True
    job_id: Optional[str] = None
    deleted_at: Optional[datetime] = None


class Tag(Model):
    """A tag of customers."""

    id: str
    name: str = ""
    color: str = ""


class CustomField(Model):
    """A field that customers have beside the usual ones."""

    id: str
    name: str = ""
    code: str = ""
    kind: str = "text"
    choices: List[str] = []
    required: bool = False
    on_list: bool = False
    on_invoice: bool = False
