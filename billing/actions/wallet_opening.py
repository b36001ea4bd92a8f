"""Opening wallets. A customer has at most one primary wallet, in its own currency; more are opened by hand.

Laws: the primary is opened with the customer, with its currency and its defaults for wallets; a customer that was
brought in without one gets it when it is first needed. While it is untouched (no movement, no sale, no rule of its
own) it follows the customer's currency and defaults, and whoever counts wallets leaves it out. When a primary ends,
the next wallet in the order of use that has the customer's currency takes its place, else an empty one is opened,
unless the customer is going.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from billing.actions import audit
from billing.actions.locks import lock_customer, lock_present_customer
from billing.actions.wallet_watch import look_again
from billing.actions.webhooks import emit
from billing.models import Metric, Wallet, WalletEntry
from billing.orm.actor import Actor
from billing.queries.payloads_subscriptions import wallet_payload
from billing.queries.wallets import state_of
from billing.rules.errors import Conflict, FieldErrors, Invalid
from billing.rules.money import from_minor, to_minor
from billing.rules.states import WalletStatus
from billing.rules.wallet_terms import WalletTerms, check_terms, tidied

MOST_WALLETS = 6
FOLLOWED = frozenset(
    {
        "currency",
        "default_credit_limit_minor",
        "default_max_balance_minor",
        "default_max_single_credit_minor",
        "default_low_balance_minor",
        "default_auto_top_up_enabled",
        "default_auto_top_up_minor",
    }
)
LIMITS = (
    "credit_limit_minor",
    "max_balance_minor",
    "max_single_credit_minor",
    "low_balance_minor",
    "auto_top_up_minor",
)


@transaction.atomic
def create_wallet(
    customer: Any,
    *,
    name: str = "",
    currency: str,
    rate: Decimal = Decimal(1),
    priority: int = 50,
    expires_at: datetime | None = None,
    terms: WalletTerms | None = None,
    by: Actor,
    at: datetime,
) -> Wallet:
    """An empty wallet. `rate` is the money of one credit in major units; at most six active ones, besides a primary
    that nobody has touched. `terms`, when given, stand for name, priority and expiry too; else the customer's
    defaults apply (`usual_terms`).
    """
    customer = lock_present_customer(customer.pk)
    if Wallet.objects.filter(customer=customer).active().in_use().count() >= MOST_WALLETS:
        raise Conflict(f"A customer has at most {MOST_WALLETS} active wallets.", code="too_many_wallets")
    if not rate.is_finite() or rate <= 0:
        raise Invalid("Must be more than 0.", field="rate")
    if terms is None:
        terms = usual_terms(customer, currency, name=name, priority=priority, expires_at=expires_at)
    wallet = Wallet(organization=customer.organization, customer=customer, currency=currency, rate=rate)
    write_terms(wallet, terms, at=at)
    wallet.save()
    look_again(customer)
    audit.record(wallet.organization, "wallet.created", wallet, by=by, at=at, customer=customer)
    payload = wallet_payload(wallet, state_of(wallet, (), at))
    emit(wallet.organization, "wallet.created", wallet, payload, at=at)
    return wallet


def usual_terms(
    customer: Any,
    currency: str,
    *,
    name: str = "",
    priority: int = 50,
    expires_at: datetime | None = None,
    primary: bool = False,
) -> WalletTerms:
    """The customer's defaults for a new wallet. They are amounts of the customer's currency, so a wallet in another
    one has none. Credit is given once: to the primary wallet.
    """
    if currency != customer.currency:
        return WalletTerms(name, priority, expires_at)
    return WalletTerms(
        name=name,
        priority=priority,
        expires_at=expires_at,
        credit_limit_minor=(customer.default_credit_limit_minor or 0) if primary else 0,
        max_balance_minor=customer.default_max_balance_minor or None,
        max_single_credit_minor=customer.default_max_single_credit_minor or None,
        low_balance_minor=customer.default_low_balance_minor,
        auto_top_up_enabled=customer.default_auto_top_up_enabled,
        auto_top_up_minor=customer.default_auto_top_up_minor or None,
    )


def write_terms(wallet: Wallet, terms: WalletTerms, *, at: datetime) -> None:
    """Put checked terms on a wallet, which the caller saves. Raises FieldErrors, and Invalid for a new expiry that is
    past.
    """
    terms = tidied(terms)
    check_terms(terms)
    check_metrics(wallet, terms.metric_ids)
    if terms.expires_at is not None and terms.expires_at != wallet.expires_at and terms.expires_at <= at:
        raise Invalid("The expiry must be in the future.", field="expires_at")
    for name, value in vars(terms).items():
        setattr(wallet, name, list(value) if isinstance(value, tuple) else value)
    wallet.name = terms.name.strip()
    try:
        wallet.full_clean(validate_constraints=False)
    except ValidationError as error:
        found = [(name, text) for name, texts in error.message_dict.items() for text in texts]
        raise FieldErrors(found) from error


def check_metrics(wallet: Wallet, keys: Collection[UUID]) -> None:
    """Refuse metrics that the organization does not have. One that was deleted meanwhile may stay."""
    new = set(keys) - set(wallet.metric_ids)
    kept = Metric.objects.filter(organization_id=wallet.organization_id, pk__in=new).kept()
    if new and kept.count() != len(new):
        raise Invalid("Choose billable metrics of this organization.", field="metric_ids")


def open_primary(customer: Any, *, at: datetime) -> Wallet:
    """The empty primary wallet of a customer that the caller has just made or locked, and that has none. One query.

    It has no line in the log and no event: it is a part of what happens to the customer.
    """
    wallet = Wallet(organization=customer.organization, customer=customer, is_primary=True, untouched=True)
    take_defaults(wallet, customer)
    wallet.save(force_insert=True)
    return wallet


def take_defaults(wallet: Wallet, customer: Any) -> None:
    """Give a primary wallet, which the caller saves, the customer's currency and defaults."""
    wallet.currency = customer.currency
    for name, value in vars(usual_terms(customer, customer.currency, primary=True)).items():
        setattr(wallet, name, list(value) if isinstance(value, tuple) else value)


def follow_primary(customer: Any, *, by: Actor, at: datetime) -> Wallet:
    """The primary wallet of a locked customer: the one there is, else the next one, else a new one."""
    rows = Wallet.objects.filter(customer=customer).active()
    if found := rows.filter(is_primary=True).first():
        return found
    usable = list(rows.filter(currency=customer.currency).in_order_of_use())
    heir = next((row for row in usable if row.expires_at is None or row.expires_at > at), None)
    if heir is None:
        return open_primary(customer, at=at)
    heir.is_primary = True
    heir.save(update_fields=["is_primary", "updated_at"])
    changes = {"is_primary": (False, True)}
    audit.record(heir.organization, "wallet.updated", heir, by=by, at=at, customer=customer, changes=changes)
    return heir


@transaction.atomic
def primary_wallet(customer: Any, *, by: Actor, at: datetime) -> Wallet:
    """The customer's primary wallet, opened now for a customer that was brought in without one."""
    found = Wallet.objects.filter(customer=customer, is_primary=True).active().first()
    return found or follow_primary(lock_customer(customer.pk), by=by, at=at)


def follow_customer(customer: Any, changed: Iterable[str]) -> None:
    """After these columns of a locked customer have changed: its untouched primary is as if it were opened now. One
    that has rules of its own but no entry gets the new currency alone, its limits keep their amounts in major units
    (100 EUR becomes 100 JPY).
    """
    if FOLLOWED.isdisjoint(changed):
        return
    for wallet in Wallet.objects.filter(customer=customer, is_primary=True).active().locked():
        if wallet.untouched:
            take_defaults(wallet, customer)
        elif wallet.currency == customer.currency or WalletEntry.objects.filter(wallet=wallet).exists():
            continue
        else:
            for name in LIMITS:
                if (minor := getattr(wallet, name)) is not None:
                    setattr(wallet, name, to_minor(from_minor(minor, wallet.currency), customer.currency))
            wallet.currency = customer.currency
        wallet.save()


def end_untouched(rows: QuerySet[Wallet], *, at: datetime) -> int:
    """End those of these wallets that nobody has touched; the caller has locked their customers. Nothing is lost, so
    nothing is told. How many.
    """
    ended = rows.filter(untouched=True, status=WalletStatus.ACTIVE.value)
    return ended.update(
        status=WalletStatus.TERMINATED.value,
        terminated_at=at,
        is_primary=False,
        auto_top_up_enabled=False,
        updated_at=Now(),
    )
