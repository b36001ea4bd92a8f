"""What deleting a customer touches: shown in the dialog before anything happens. What comes of it, to the cent, is
found by `customers/actions/foresee.py`.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F

from billing.models import AppliedCoupon, Subscription, Wallet
from billing.queries.usage import charge_usage
from billing.rules.states import LIVE, SubscriptionStatus
from customers.models import Customer
from invoicing.models import CreditNote, Invoice, ProviderLink
from invoicing.models.provider import LinkState
from invoicing.queries.collecting import account_sums


@dataclass(frozen=True)
class EndingSubscription:
    """A subscription that ends: what of its usage is not billed yet, in minor units."""

    subscription: Subscription
    currency: str
    unbilled_minor: int
    in_advance: bool


@dataclass(frozen=True)
class Deletion:
    """What the customer has that a deletion ends, issues or voids."""

    customer: Customer
    subscriptions: list[EndingSubscription] = field(default_factory=list)
    pending: list[Subscription] = field(default_factory=list)
    drafts: list[Invoice] = field(default_factory=list)
    unpaid: list[Invoice] = field(default_factory=list)
    coupons: list[AppliedCoupon] = field(default_factory=list)
    wallets: list[Wallet] = field(default_factory=list)
    on_account: list[tuple[str, int]] = field(default_factory=list)
    kept_invoices: int = 0
    kept_credit_notes: int = 0
    providers: list[str] = field(default_factory=list)

    @property
    def money_involved(self) -> bool:
        """Whether the external ID has to be typed: anything that bills, voids or loses money."""
        credits = any(wallet.balance_minor for wallet in self.wallets)
        return bool(self.subscriptions or self.drafts or self.unpaid or credits or self.on_account)

    def wallets_ending(self, booked: Container[object]) -> list[Wallet]:
        """The wallets to speak of. One that was never used ends without a word, unless it is among `booked`: the ids
        of those that the deletion itself uses.
        """
        return [wallet for wallet in self.wallets if not wallet.untouched or wallet.pk in booked]


def deletion_preview(customer: Customer, at: datetime) -> Deletion:
    """What would happen at that moment."""
    live = [status.value for status in LIVE]
    subscriptions = Subscription.objects.filter(customer=customer).select_related("plan", "customer")
    ending = []
    for row in subscriptions.filter(status__in=live):
        usage = charge_usage(row, unbilled_from(row), at)
        unbilled = sum(item.amount_minor - item.paid_minor for item in usage)
        ending.append(EndingSubscription(row, row.currency, unbilled, row.plan.pay_in_advance))
    invoices = Invoice.objects.filter(customer=customer)
    unpaid = invoices.unpaid().filter(total_minor__gt=F("paid_minor"))
    wallets = Wallet.objects.filter(customer=customer).active()
    return Deletion(
        customer=customer,
        subscriptions=ending,
        pending=list(subscriptions.filter(status=SubscriptionStatus.PENDING.value)),
        drafts=list(invoices.draft()),
        unpaid=list(unpaid),
        coupons=list(AppliedCoupon.objects.filter(customer=customer).active().select_related("coupon")),
        wallets=list(wallets),
        on_account=account_sums(customer),
        kept_invoices=invoices.exclude(number="").count(),
        kept_credit_notes=CreditNote.objects.filter(customer=customer).count(),
        providers=sorted(known_at(customer)),
    )


def known_at(customer: Customer) -> set[str]:
    """The names of the payment providers that have the customer and will be told."""
    links = ProviderLink.objects.filter(customer=customer, provider__deleted_at=None)
    told = links.filter(provider__active=True, provider__sync_customers=True).exclude(external_id="")
    return set(told.exclude(state=LinkState.DELETED).values_list("provider__name", flat=True))


def unbilled_from(subscription: Subscription) -> datetime:
    """The start of the usage that is on no invoice yet."""
    last = subscription.invoiced_periods.filter(kind="usage").order_by("-end").first()
    return last.end if last else subscription.started_at or subscription.subscription_at
