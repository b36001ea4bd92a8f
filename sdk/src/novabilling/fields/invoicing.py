"""Fields of invoices, payments and credit notes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Mapping, Optional, Sequence, Union

from typing_extensions import Literal, Required, TypedDict

from ..types import Currency, InvoiceItemDto, InvoiceStatus, PaymentStatus
from .base import Day, Moment, Number, PageQuery
from .catalog import PlanOverrides


class PreviewedCustomer(TypedDict, total=False):
    """One who is no customer yet. `tax_codes`: without them the usual taxes apply."""

    name: str
    currency: Union[Currency, str]
    country: str
    timezone: str
    customer_type: Literal["", "business", "consumer", "unknown"]
    tax_codes: Sequence[str]


class PlannedSubscription(TypedDict, total=False):
    """A subscription to come: a plan by id or code."""

    plan_id: Required[str]
    start_date: Optional[Moment]
    ending_at: Optional[Moment]
    billing_time: Literal["calendar", "anniversary"]
    trial_days: Optional[int]
    name: str
    separate_invoice: bool
    plan_overrides: Optional[PlanOverrides]


class InvoicePreview(TypedDict, total=False):
    """`customer_id` or `customer`; `subscriptions` that are planned, or one as `plan_id`; or those that run, as
    `subscription_ids`.
    """

    customer_id: Optional[str]
    customer: Optional[PreviewedCustomer]
    subscriptions: Sequence[PlannedSubscription]
    plan_id: Optional[str]
    start_date: Optional[Moment]
    billing_time: Literal["calendar", "anniversary"]
    plan_overrides: Optional[PlanOverrides]
    subscription_ids: Sequence[str]
    coupons: Sequence[str]


class InvoiceQuery(PageQuery, total=False):
    """Which invoices. `status` is any word for a state, also of payment; `metadata` is "key" or "key=value"."""

    status: Optional[Union[InvoiceStatus, str]]
    payment_status: Optional[str]
    customer_id: Optional[str]
    billing_entity_id: Optional[str]
    type: Optional[str]
    currency: Optional[Union[Currency, str]]
    number: Optional[str]
    purchase_order: Optional[str]
    amount_min: Optional[Number]
    amount_max: Optional[Number]
    issuing_date_from: Optional[Day]
    issuing_date_to: Optional[Day]
    due_date_from: Optional[Day]
    due_date_to: Optional[Day]
    paid_from: Optional[Day]
    paid_to: Optional[Day]
    overdue: Optional[bool]
    disputed: Optional[bool]
    metadata: Optional[str]
    search: Optional[str]


class NewInvoiceItem(TypedDict, total=False):
    """A line; `unit_amount` is the price of one unit."""

    description: str
    unit_amount: Optional[Number]
    quantity: Number
    add_on: Optional[str]


class NewInvoice(TypedDict, total=False):
    """A one-off invoice. `taxes` are codes; without them the customer's taxes apply."""

    customer_id: Required[str]
    items: Required[Sequence[Union[InvoiceItemDto, NewInvoiceItem]]]
    currency: Optional[Union[Currency, str]]
    due_date: Optional[Union[date, datetime, str]]
    notes: str
    purchase_order: str
    taxes: Optional[Sequence[str]]
    metadata: Mapping[str, Any]


class InvoiceChanges(TypedDict, total=False):
    """What can change: terms of a draft, notes and metadata of an issued one."""

    purchase_order: Optional[str]
    notes: Optional[str]
    metadata: Optional[Mapping[str, Any]]
    finalize_on: Optional[Day]


class Mail(TypedDict, total=False):
    """To whom (the customer when left out), in which language, with which words of one's own."""

    to: Optional[Sequence[str]]
    cc: Sequence[str]
    bcc: Sequence[str]
    language: str
    note: str


class RemadeLine(TypedDict, total=False):
    """A line of the voided invoice that stays; what is not sent is as it was."""

    id: Required[str]
    description: Optional[str]
    units: Optional[Number]
    unit_amount: Optional[Number]


class Remade(TypedDict, total=False):
    """`lines`: those that stay (without it: all of them, as they were); `items`: what is added."""

    lines: Optional[Sequence[RemadeLine]]
    items: Sequence[NewInvoiceItem]


class NewLine(TypedDict, total=False):
    """A line more: the usage of a charge (`charge_id`), an add-on, or what `description` says."""

    charge_id: Optional[str]
    filter: Optional[Mapping[str, Sequence[str]]]
    subscription_id: Optional[str]
    description: str
    units: Number
    unit_amount: Optional[Number]
    add_on: Optional[str]
    taxes: Optional[Sequence[str]]


class LineChanges(TypedDict, total=False):
    """What a line says instead; null takes one back. Units alone are priced by the charge's model."""

    description: Optional[str]
    units: Optional[Number]
    unit_amount: Optional[Number]


class PaymentQuery(PageQuery, total=False):
    """Which payments."""

    status: Optional[Union[PaymentStatus, str]]
    provider: Optional[str]
    customer_id: Optional[str]
    invoice_id: Optional[str]


class NewPayment(TypedDict, total=False):
    """A payment that was received elsewhere; without `amount` everything that is due."""

    invoice_id: Required[str]
    amount: Optional[Number]
    currency: Optional[Union[Currency, str]]
    provider: str
    reference: str
    paid_at: Optional[Moment]
    status: str


class PaymentRequestQuery(PageQuery, total=False):
    """Which payment requests; `status` also takes `open`."""

    status: Optional[str]
    customer_id: Optional[str]
    invoice_id: Optional[str]


class NewPaymentRequest(TypedDict, total=False):
    """Whom to ask for what: the customer's overdue invoices in a currency, or only `invoice_ids`."""

    customer_id: Required[str]
    currency: Optional[Union[Currency, str]]
    billing_entity_id: Optional[str]
    invoice_ids: Optional[Sequence[str]]
    send: bool
    to: Optional[Sequence[str]]
    language: str
    note: str
    attach_invoices: bool


class ReceiptQuery(PageQuery, total=False):
    """Which receipts."""

    customer_id: Optional[str]
    invoice_number: Optional[str]


class RemittanceQuery(PageQuery, total=False):
    """Which transfers; `on_account`: those of which something is left."""

    customer_id: Optional[str]
    on_account: Optional[bool]


class PaidInvoice(TypedDict, total=False):
    """An amount for one invoice, in major units."""

    invoice_id: Required[str]
    amount: Required[Number]


class CreditNoteQuery(PageQuery, total=False):
    """Which credit notes."""

    status: Optional[str]
    customer_id: Optional[str]
    invoice_id: Optional[str]
    refund_status: Optional[str]


class CreditItem(TypedDict, total=False):
    """An amount of a line of the invoice, before tax."""

    line_id: Required[str]
    amount: Required[Number]


class CreditTax(TypedDict, total=False):
    """An amount of a tax of the invoice, by its code; `rate` where the invoice has the code at two rates."""

    code: Required[str]
    rate: Optional[Number]
    amount: Required[Number]


class NewCreditNote(TypedDict, total=False):
    """What is credited: `items` by line, an `amount` with tax, or the `taxes` alone."""

    invoice_id: Required[str]
    customer_id: Optional[str]
    currency: Optional[Union[Currency, str]]
    items: Optional[Sequence[CreditItem]]
    amount: Optional[Number]
    taxes: Optional[Sequence[CreditTax]]
    tax_only: bool
    refund_amount: Number
    offset_amount: Number
    reason: str
    description: str


class CampaignThreshold(TypedDict, total=False):
    """From which overdue sum on, in major units."""

    currency: Required[Union[Currency, str]]
    amount: Required[Number]


class CampaignStep(TypedDict, total=False):
    """What else happens, `day` days after the chase began."""

    day: Required[int]
    kind: Required[Literal["charge", "pause", "terminate"]]


class NewCampaign(TypedDict, total=False):
    """A dunning campaign."""

    name: Required[str]
    code: Required[str]
    description: Optional[str]
    active: Optional[bool]
    thresholds: Required[Sequence[CampaignThreshold]]
    first_day: Optional[int]
    days_between: Optional[int]
    max_attempts: Optional[int]
    steps: Optional[Sequence[CampaignStep]]
    bcc: Optional[Sequence[str]]
    billing_entity_ids: Optional[Sequence[str]]


class CampaignChanges(TypedDict, total=False):
    """What can change."""

    name: Optional[str]
    code: Optional[str]
    description: Optional[str]
    active: Optional[bool]
    thresholds: Optional[Sequence[CampaignThreshold]]
    first_day: Optional[int]
    days_between: Optional[int]
    max_attempts: Optional[int]
    steps: Optional[Sequence[CampaignStep]]
    bcc: Optional[Sequence[str]]
    billing_entity_ids: Optional[Sequence[str]]


class NewPaymentProvider(TypedDict, total=False):
    """An account at a provider: stripe, flutterwave, paystack, mpesa or manual; the credentials under the
    provider's own names.
    """

    name: Optional[str]
    credentials: Optional[Mapping[str, Any]]
    active: Optional[bool]
    priority: Optional[int]
    sync_customers: Optional[bool]
    type: Required[str]


class PaymentProviderChanges(TypedDict, total=False):
    """What can change. `credentials` replace all that are stored."""

    name: Optional[str]
    credentials: Optional[Mapping[str, Any]]
    active: Optional[bool]
    priority: Optional[int]
    sync_customers: Optional[bool]
