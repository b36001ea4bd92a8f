"""Invoices, payments, credit notes, providers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Dict, List, Mapping, Optional, Union

from pydantic import BaseModel, ConfigDict, model_validator

from .._wire import attributes
from .base import Amount, Json, Model
from .literals import InvoiceStatus, PaymentStatus, ProviderType


class InvoiceItemDto(BaseModel):
    """A line of a one-off invoice: `amount` is the price of one unit in major units. `add_on` (an id or code) brings
    its name and price.
    """

    model_config = ConfigDict(extra="forbid")

    description: Optional[str] = None
    amount: Optional[Amount] = None
    quantity: Amount = 1
    add_on: Optional[str] = None


class InvoiceLine(Model):
    """A line. `unit_amount` is exact, `amount` rounded to the currency."""

    id: str = ""
    description: str = ""
    type: str = ""
    subscription_id: Optional[str] = None
    charge_id: Optional[str] = None
    add_on_id: Optional[str] = None
    units: Amount = 0
    unit_amount: Optional[Amount] = None
    amount: Amount = 0
    tax_rate: Optional[Amount] = None
    tax_amount: Amount = 0
    events_count: Optional[int] = None
    from_: Optional[datetime] = None
    to: Optional[datetime] = None
    steps: List[Dict[str, Any]] = []


class InvoiceTax(Model):
    """A tax of an invoice over all its lines."""

    code: str = ""
    name: str = ""
    rate: Amount = 0
    base_amount: Amount = 0
    amount: Amount = 0


class Invoice(Model):
    """What a customer is asked to pay: `amount` before tax, `total` with it, `amount_due` what is left to pay.

    `status` is draft, finalized, paid or voided: an issued invoice for which nothing is due any more says paid,
    where the API itself says finalized with a `payment_status` of paid. As a filter of lists, finalized is the API's
    word and finds paid ones, too; unpaid finds those for which something is due.
    """

    id: str
    number: Optional[str] = None
    status: Union[InvoiceStatus, str] = "draft"
    payment_status: Optional[str] = None
    type: str = ""
    customer_id: Optional[str] = None
    customer_name: Optional[str] = None
    billing_entity_id: Optional[str] = None
    subscription_ids: List[str] = []
    currency: str = ""
    issuing_date: Optional[date] = None
    due_date: Optional[date] = None
    amount: Amount = 0
    progressive_billing_credit: Amount = 0
    tax_amount: Amount = 0
    total: Amount = 0
    amount_paid: Amount = 0
    amount_offset: Amount = 0
    amount_written_off: Amount = 0
    amount_due: Amount = 0
    lines: List[InvoiceLine] = []
    taxes: List[InvoiceTax] = []
    coupons: List[Dict[str, Any]] = []
    credit_notes: List[Dict[str, Any]] = []
    wallet_credits: Amount = 0
    purchase_order: Optional[str] = None
    notes: Optional[str] = None
    custom_fields: Any = None
    metadata: Json = {}
    voided_invoice_id: Optional[str] = None
    finalize_at: Optional[datetime] = None
    dispute: Optional[Dict[str, Any]] = None
    pdf_url: Optional[str] = None
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None
    finalized_at: Optional[datetime] = None
    paid_at: Optional[datetime] = None
    voided_at: Optional[datetime] = None

    @model_validator(mode="before")
    @classmethod
    def _paid(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            told = attributes(value)
            if (told.get("status"), told.get("payment_status")) == ("finalized", "paid"):
                return {**told, "status": "paid"}
        return value


class DocumentLink(Model):
    """Where a document is served, and whether it has been made yet."""

    url: str = ""
    status: Optional[str] = None


class Payment(Model):
    """Money that came in for an invoice."""

    id: str
    invoice_id: Optional[str] = None
    customer_id: Optional[str] = None
    amount: Amount = 0
    currency: str = ""
    status: Union[PaymentStatus, str] = "pending"
    provider: Optional[str] = None
    reference: Optional[str] = None
    refunded_amount: Amount = 0
    pending_refund_amount: Amount = 0
    paid_at: Optional[datetime] = None
    created_at: Optional[datetime] = None


class Refund(Model):
    """Money that goes back."""

    id: str
    payment_id: Optional[str] = None
    credit_note_id: Optional[str] = None
    amount: Amount = 0
    currency: str = ""
    status: str = ""
    reason: Optional[str] = None
    reference: Optional[str] = None
    through_provider: bool = False
    failure_reason: Optional[str] = None
    refunded_at: Optional[datetime] = None


class CreditNote(Model):
    """What is taken back of an invoice; `balance` is what later invoices can still take."""

    id: str
    number: Optional[str] = None
    status: str = ""
    reason: str = ""
    description: Optional[str] = None
    invoice_id: Optional[str] = None
    customer_id: Optional[str] = None
    customer_name: Optional[str] = None
    currency: str = ""
    issuing_date: Optional[date] = None
    items: List[Dict[str, Any]] = []
    taxes: List[InvoiceTax] = []
    amount: Amount = 0
    tax_amount: Amount = 0
    total: Amount = 0
    refund_amount: Amount = 0
    refund_status: Optional[str] = None
    offset_amount: Amount = 0
    credit_amount: Amount = 0
    balance: Amount = 0
    created_at: Optional[datetime] = None
    voided_at: Optional[datetime] = None


class PaymentProvider(Model):
    """An account at a provider of payments. Its credentials are never answered."""

    id: str
    type: Union[ProviderType, str] = ""
    name: str = ""
    active: bool = True
    priority: Optional[int] = None
    sync_customers: bool = False
    tested_at: Optional[datetime] = None
    test_error: Optional[str] = None
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None
