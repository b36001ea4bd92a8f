"""Fields of customers, subscriptions and wallets."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence, Union

from typing_extensions import Literal, Required, TypedDict

from ..types import Currency, SubscriptionStatus
from .base import Moment, Number, PageQuery
from .catalog import PlanOverrides
from .invoicing import PaidInvoice


class CustomerQuery(PageQuery, total=False):
    """Which customers, in which order. `tags` is `a,b` for those that have both."""

    search: Optional[str]
    email: Optional[str]
    status: Optional[str]
    country: Optional[str]
    currency: Optional[Union[Currency, str]]
    tags: Optional[str]
    offset: Optional[int]
    include_deleted: Optional[bool]
    metadata: Optional[Mapping[str, Any]]


class NewAddress(TypedDict, total=False):
    """A postal address; only the given parts change."""

    line1: Optional[str]
    line2: Optional[str]
    postal_code: Optional[str]
    city: Optional[str]
    state: Optional[str]
    country: Optional[str]


class NewCustomer(TypedDict, total=False):
    """A customer: an e-mail address, and whatever else is known."""

    external_id: Optional[str]
    email: Required[str]
    name: Optional[str]
    first_name: Optional[str]
    last_name: Optional[str]
    customer_type: Optional[str]
    reason: Optional[str]
    status: Optional[str]
    country: Optional[str]
    currency: Optional[Union[Currency, str]]
    timezone: Optional[str]
    locale: Optional[str]
    phone: Optional[str]
    url: Optional[str]
    legal_name: Optional[str]
    legal_number: Optional[str]
    tax_id: Optional[str]
    tax_identifiers: Optional[Mapping[str, Optional[str]]]
    address: Optional[NewAddress]
    shipping_address: Optional[NewAddress]
    billing_entity_id: Optional[str]
    billing_model: Optional[str]
    mode: Optional[str]
    preferred_provider: Optional[str]
    disabled_providers: Optional[Sequence[str]]
    collect_automatically: Optional[bool]
    provider_customer_ids: Optional[Mapping[str, Optional[str]]]
    net_payment_term_days: Optional[int]
    grace_period_days: Optional[int]
    zero_amount_invoices: Optional[bool]
    email_invoices: Optional[bool]
    usage_annex: Optional[bool]
    einvoice_email: Optional[str]
    peppol_id: Optional[str]
    prefer_einvoice: Optional[bool]
    vat_validation_disabled: Optional[bool]
    vat_validation_disabled_reason: Optional[str]
    auto_validate_vat: Optional[bool]
    default_auto_topup_enabled: Optional[bool]
    default_auto_topup_amount: Optional[Number]
    default_low_balance_threshold: Optional[Number]
    default_max_balance: Optional[Number]
    default_max_single_credit: Optional[Number]
    default_credit_limit: Optional[Number]
    tax_codes: Optional[Sequence[str]]
    tags: Optional[Sequence[str]]
    custom_fields: Optional[Mapping[str, Any]]
    metadata: Optional[Mapping[str, Any]]


class CustomerChanges(TypedDict, total=False):
    """What can change. `metadata` and `tags` are replaced whole, `custom_fields` and `tax_identifiers` change by
    key.
    """

    external_id: Optional[str]
    email: Optional[str]
    name: Optional[str]
    first_name: Optional[str]
    last_name: Optional[str]
    customer_type: Optional[str]
    reason: Optional[str]
    status: Optional[str]
    country: Optional[str]
    currency: Optional[Union[Currency, str]]
    timezone: Optional[str]
    locale: Optional[str]
    phone: Optional[str]
    url: Optional[str]
    legal_name: Optional[str]
    legal_number: Optional[str]
    tax_id: Optional[str]
    tax_identifiers: Optional[Mapping[str, Optional[str]]]
    address: Optional[NewAddress]
    shipping_address: Optional[NewAddress]
    billing_entity_id: Optional[str]
    billing_model: Optional[str]
    mode: Optional[str]
    preferred_provider: Optional[str]
    disabled_providers: Optional[Sequence[str]]
    collect_automatically: Optional[bool]
    provider_customer_ids: Optional[Mapping[str, Optional[str]]]
    net_payment_term_days: Optional[int]
    grace_period_days: Optional[int]
    zero_amount_invoices: Optional[bool]
    email_invoices: Optional[bool]
    usage_annex: Optional[bool]
    einvoice_email: Optional[str]
    peppol_id: Optional[str]
    prefer_einvoice: Optional[bool]
    vat_validation_disabled: Optional[bool]
    vat_validation_disabled_reason: Optional[str]
    auto_validate_vat: Optional[bool]
    default_auto_topup_enabled: Optional[bool]
    default_auto_topup_amount: Optional[Number]
    default_low_balance_threshold: Optional[Number]
    default_max_balance: Optional[Number]
    default_max_single_credit: Optional[Number]
    default_credit_limit: Optional[Number]
    tax_codes: Optional[Sequence[str]]
    tags: Optional[Sequence[str]]
    custom_fields: Optional[Mapping[str, Any]]
    metadata: Optional[Mapping[str, Any]]


class NewTransfer(TypedDict, total=False):
    """One transfer, in major units."""

    amount: Required[Number]
    currency: Optional[Union[Currency, str]]
    invoices: Optional[Sequence[PaidInvoice]]
    wallet_id: Optional[str]
    rest: Optional[Literal["account"]]
    provider: str
    reference: str
    paid_at: Optional[Moment]


class SubscriptionQuery(PageQuery, total=False):
    """Which subscriptions."""

    customer_id: Optional[str]
    plan_id: Optional[str]
    status: Optional[Union[SubscriptionStatus, str]]


class NewSubscription(TypedDict, total=False):
    """A plan for a customer. `plan_id` takes a plan's id or code."""

    customer_id: Required[str]
    plan_id: Required[str]
    currency: Optional[Union[Currency, str]]
    external_id: str
    name: str
    billing_time: str
    start_date: Optional[Moment]
    ending_at: Optional[Moment]
    trial_days: Optional[int]
    separate_invoice: bool
    metadata: Mapping[str, Any]
    plan_overrides: Optional[PlanOverrides]


class SubscriptionChanges(TypedDict, total=False):
    """What can change while it runs. `ending_at` None: it runs until it is ended."""

    name: str
    ending_at: Optional[Moment]
    separate_invoice: bool
    metadata: Mapping[str, Any]
    plan_overrides: Optional[PlanOverrides]
    overrides_from: str


class FixedUnits(TypedDict, total=False):
    """The units of one fixed charge, by its id or its add-on's code."""

    id: Required[str]
    units: Required[Number]


class AlertStep(TypedDict, total=False):
    """A value in major units or units, and what it is called."""

    value: Required[Number]
    code: str


class NewAlert(TypedDict, total=False):
    """A new alert. `metric` is a billable metric's id or code, for the types that look at one."""

    type: Required[str]
    code: Required[str]
    name: str
    metric: Optional[str]
    thresholds: Sequence[AlertStep]
    recurring_step: Optional[Number]


class NewTag(TypedDict, total=False):
    """A new tag."""

    name: Required[str]
    color: str


class TagChanges(TypedDict, total=False):
    """What can change."""

    name: Optional[str]
    color: Optional[str]


class NewCustomField(TypedDict, total=False):
    """A field of customers: `kind` is text, number, date, boolean, choice (with `choices`) or url."""

    name: Required[str]
    code: Required[str]
    kind: str
    choices: Sequence[str]
    required: bool
    on_list: bool
    on_invoice: bool


class CustomFieldChanges(TypedDict, total=False):
    """What can change."""

    name: str
    code: str
    kind: str
    choices: Sequence[str]
    required: bool
    on_list: bool
    on_invoice: bool


class TopUp(TypedDict, total=False):
    """Credits to grant, to sell, or both. `transaction_id` makes a repeat harmless."""

    granted_credits: Optional[Number]
    granted_credits_expire_at: Optional[Moment]
    paid_credits: Optional[Number]
    priority: int
    reason: str
    transaction_id: str


class TopUpSchedule(TypedDict, total=False):
    """What comes at each interval, counted from `started_at` (now, when not given). Numbers are credits."""

    interval: Optional[Literal["weekly", "monthly", "quarterly", "semiannual", "yearly"]]
    threshold_credits: Optional[Number]
    method: Literal["fixed", "target"]
    paid_credits: Optional[Number]
    granted_credits: Optional[Number]
    target_credits: Optional[Number]
    grants_target: bool
    started_at: Optional[Moment]
    expiration_at: Optional[Moment]
    name: str


class WalletQuery(PageQuery, total=False):
    """Which wallets."""

    customer_id: Optional[str]
    status: Optional[str]
    currency: Optional[Union[Currency, str]]
    is_primary: Optional[bool]
    auto_topup_enabled: Optional[bool]


class WalletLimits(TypedDict, total=False):
    """What a wallet pays for: fee types and codes of billable metrics; both empty: everything."""

    fee_types: Optional[Sequence[str]]
    billable_metric_codes: Optional[Sequence[str]]


class NewWallet(TypedDict, total=False):
    """A new wallet, with its first credits if wanted. Limits that are not given are the customer's defaults."""

    credit_limit: Optional[Number]
    max_balance: Optional[Number]
    max_single_credit: Optional[Number]
    low_balance_threshold: Optional[Number]
    auto_topup_enabled: bool
    auto_topup_amount: Optional[Number]
    applies_to: Optional[WalletLimits]
    customer_id: Required[str]
    name: str
    currency: Optional[Union[Currency, str]]
    rate_amount: Number
    priority: int
    expiration_at: Optional[Moment]
    granted_credits: Optional[Number]
    paid_credits: Optional[Number]


class WalletChanges(TypedDict, total=False):
    """What can change."""

    credit_limit: Optional[Number]
    max_balance: Optional[Number]
    max_single_credit: Optional[Number]
    low_balance_threshold: Optional[Number]
    auto_topup_enabled: bool
    auto_topup_amount: Optional[Number]
    applies_to: Optional[WalletLimits]
    name: Optional[str]
    priority: Optional[int]
    expiration_at: Optional[Moment]
    mode: Optional[str]


class AlertChanges(TypedDict, total=False):
    """What can change; type and metric stay."""

    code: Optional[str]
    name: Optional[str]
    thresholds: Optional[Sequence[AlertStep]]
    recurring_step: Optional[Number]
