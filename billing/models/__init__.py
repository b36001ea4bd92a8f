"""Tables of what is sold and measured."""

from billing.models.access import ApiKey, Member, SavedView, SignIn, User
from billing.models.add_on import AddOn, AddOnPrice
from billing.models.advance import AdvanceEvent, AdvanceFee
from billing.models.api_call import ApiCall, IdempotentCall
from billing.models.audit import AuditEntry, Job
from billing.models.catalog import Aggregation, Charge, Metric, Plan, Rounding
from billing.models.clock import ClockMove
from billing.models.coupon import AppliedCoupon, Coupon, CouponKind, Frequency
from billing.models.export import Export
from billing.models.fixed_charge import FixedCharge, FixedChargePrice, UnitsChange
from billing.models.late import LateEvent
from billing.models.monitoring import (
    OF_METRIC,
    OF_ONGOING,
    OF_WALLET,
    Alert,
    AlertCrossing,
    AlertKind,
    ThresholdPassing,
    UsageActivity,
    UsageThreshold,
)
from billing.models.organization import BillingEntity, EInvoices, Numbering, Organization, SyncStrategy
from billing.models.price_change import Follow, PlanVersion, PriceChange, PriceChangeRow, PriceMove
from billing.models.prices import ChargePrice, PlanPrice
from billing.models.subscription import Pause, Subscription
from billing.models.tax import Tax
from billing.models.top_up_schedule import TopUpSchedule
from billing.models.usage import Event, QuarantinedEvent, UsageHour
from billing.models.wallet import EntryKind, Wallet, WalletActivity, WalletEntry, WalletLot
from billing.models.wallet_use import WalletUse
from billing.models.webhook import (
    DeliveryState,
    EmittedEvent,
    EndpointStatus,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)

__all__ = [
    "OF_METRIC",
    "OF_ONGOING",
    "OF_WALLET",
    "AddOn",
    "AddOnPrice",
    "AdvanceEvent",
    "AdvanceFee",
    "Aggregation",
    "Alert",
    "AlertCrossing",
    "AlertKind",
    "ApiCall",
    "ApiKey",
    "AppliedCoupon",
    "AuditEntry",
    "BillingEntity",
    "Charge",
    "ChargePrice",
    "ClockMove",
    "Coupon",
    "CouponKind",
    "DeliveryState",
    "EInvoices",
    "EmittedEvent",
    "EndpointStatus",
    "EntryKind",
    "Event",
    "Export",
    "FixedCharge",
    "FixedChargePrice",
    "Follow",
    "Frequency",
    "IdempotentCall",
    "Job",
    "LateEvent",
    "Member",
    "Metric",
    "Numbering",
    "Organization",
    "Pause",
    "Plan",
    "PlanPrice",
    "PlanVersion",
    "PriceChange",
    "PriceChangeRow",
    "PriceMove",
    "QuarantinedEvent",
    "Rounding",
    "SavedView",
    "SignIn",
    "Subscription",
    "SyncStrategy",
    "Tax",
    "ThresholdPassing",
    "TopUpSchedule",
    "UnitsChange",
    "UsageActivity",
    "UsageHour",
    "UsageThreshold",
    "User",
    "Wallet",
    "WalletActivity",
    "WalletEntry",
    "WalletLot",
    "WalletUse",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
]
