"""Opening wallets. A customer has at most one primary wallet, in its own currency; more are opened by hand.

Laws: the primary is opened when it is first needed, with the customer's defaults, and does not lock the customer's
currency until it has an entry; while it has none, it follows a new currency. When a primary ends, the next wallet in
the order of use that has the customer's currency takes its place, else an empty one is opened, unless the customer
is going.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_customer, lock_present_customer
from billing.actions.webhooks import emit
from billing.models import Wallet, WalletEntry
from billing.orm.actor import Actor
from billing.queries.payloads_subscriptions import wallet_payload
from billing.queries.wallets import state_of
from billing.rules.errors import Conflict, FieldErrors, Invalid
from billing.rules.money import from_minor, to_minor
from billing.rules.wallet_terms import WalletTerms, check_terms

MOST_WALLETS = 6
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
    """An empty wallet. `rate` is the money of one credit in major units; at most six active ones. `terms`, when
    given, stand for name, priority and expiry too; else the customer's defaults apply (`usual_terms`).
    """
    customer = lock_present_customer(customer.pk)
    if Wallet.objects.filter(customer=customer).active().count() >= MOST_WALLETS:
        raise Conflict(f"A customer has at most {MOST_WALLETS} active wallets.", code="too_many_wallets")
    if not rate.is_finite() or rate <= 0:
        raise Invalid("Must be more than 0.", field="rate")
    if terms is None:
        terms = usual_terms(customer, currency, name=name, priority=priority, expires_at=expires_at)
    wallet = Wallet(organization=customer.organization, customer=customer, currency=currency, rate=rate)
    write_terms(wallet, terms, at=at)
    wallet.save()
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
    check_terms(terms)
    if terms.expires_at is not None and terms.expires_at != wallet.expires_at and terms.expires_at <= at:
        raise Invalid("The expiry must be in the future.", field="expires_at")
    for name, value in vars(terms).items():
        setattr(wallet, name, value.strip() if name == "name" else value)
    try:
        wallet.full_clean(validate_constraints=False)
    except ValidationError as error:
        found = [(name, text) for name, texts in error.message_dict.items() for text in texts]
        raise FieldErrors(found) from error


def open_primary(customer: Any, *, at: datetime) -> Wallet:
    """The empty primary wallet of a customer that the caller has just made or locked, and that has none."""
    wallet = Wallet(
        organization=customer.organization, customer=customer, currency=customer.currency, is_primary=True
    )
    for name, value in vars(usual_terms(customer, customer.currency, primary=True)).items():
        setattr(wallet, name, value)
    wallet.save()
    return wallet


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


def follow_currency(customer: Any, *, at: datetime) -> None:
    """Give the untouched primary of a locked customer its new currency; its limits keep their amounts in major units
    (100 EUR becomes 100 JPY).
    """
    rows = Wallet.objects.filter(customer=customer, is_primary=True).active()
    for wallet in rows.exclude(currency=customer.currency).locked():
        if WalletEntry.objects.filter(wallet=wallet).exists():
            continue
        for name in LIMITS:
            if (minor := getattr(wallet, name)) is not None:
                setattr(wallet, name, to_minor(from_minor(minor, wallet.currency), customer.currency))
        wallet.currency = customer.currency
        wallet.save()
