"""Tables of what is sold and measured."""

from billing.models.access import ApiKey, Member, User
from billing.models.audit import AuditEntry, Job
from billing.models.catalog import Aggregation, Charge, Metric, Plan
from billing.models.coupon import AppliedCoupon, Coupon, CouponKind, Frequency
from billing.models.organization import BillingEntity, Numbering, Organization
from billing.models.subscription import Subscription
from billing.models.tax import Tax
from billing.models.usage import Event, QuarantinedEvent, UsageHour
from billing.models.wallet import EntryKind, Wallet, WalletEntry

__all__ = [
    "Aggregation",
    "ApiKey",
    "AppliedCoupon",
    "AuditEntry",
    "BillingEntity",
    "Charge",
    "Coupon",
    "CouponKind",
    "EntryKind",
    "Event",
    "Frequency",
    "Job",
    "Member",
    "Metric",
    "Numbering",
    "Organization",
    "Plan",
    "QuarantinedEvent",
    "Subscription",
    "Tax",
    "UsageHour",
    "User",
    "Wallet",
    "WalletEntry",
]
