"""Saved payment methods: left at a provider's page or with a payment, chosen as the default, removed."""

from __future__ import annotations

import calendar
import logging
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from billing.actions import audit, clock, later
from billing.actions.locks import lock_customer, lock_customer_of
from billing.clients.sealed import Unsealable, unseal
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.errors import Unavailable as NotAvailable
from invoicing.actions import provider_calls as calls
from invoicing.clients.providers.base import ProviderError, Refused, Saved, SeenSetup, Setup, Unavailable
from invoicing.clients.providers.registry import charging_for, setups_for
from invoicing.models import MethodSetup, PaymentMethod, PaymentProvider
from invoicing.queries.payment_methods import setup_account
from invoicing.queries.provider_links import known_links
from invoicing.rules.paying import WAITS, ask_after

logger = logging.getLogger(__name__)

ASK = "invoicing.ask_setup"
FORGET = "invoicing.forget_method"
MOST_KEY = 200
MOST_AT_ONCE = 200
BY = Actor.system("Payment provider")


def last_day(expires: tuple[int, int] | None) -> date | None:
    """A card is good to the end of its month."""
    if expires is None or not (1 <= expires[1] <= 12 and 2000 <= expires[0] <= 9998):
        return None
    return date(*expires, calendar.monthrange(*expires)[1])


def save_method(customer: Any, account: PaymentProvider, saved: Saved, *, at: datetime) -> PaymentMethod:
    """Keep what a provider keeps; the same card again is the same row, whatever its id is now. The first becomes the
    default. The caller has locked the customer.
    """
    rows = PaymentMethod.objects.filter(customer=customer)
    known = rows.filter(provider=account, mark=saved.mark[:255]).first()
    fresh = known is None or known.removed_at is not None
    method = known or PaymentMethod(
        organization=account.organization, customer=customer, provider=account, mark=saved.mark[:255]
    )
    method.external_id, method.holder = saved.id[:255], saved.holder[:255]
    method.kind, method.brand, method.last4 = saved.kind, saved.brand[:40], saved.last4
    method.expires_on = last_day(saved.expires)
    method.removed_at = None
    method.is_default = method.is_default or not rows.saved().filter(is_default=True).exists()
    method.save()
    if fresh:
        audit.record(
            account.organization,
            "customer.payment_method_saved",
            customer,
            by=BY,
            at=at,
            customer=customer,
            changes={"payment_method": ("", str(method)), "provider": ("", account.name)},
        )
    return method


@transaction.atomic
def make_default(method: PaymentMethod, *, by: Actor, at: datetime) -> PaymentMethod:
    """The method that is charged first. Twice is once; Conflict for one that was removed."""
    customer = lock_customer_of(method)
    row = PaymentMethod.objects.select_for_update(of=("self",)).get(pk=method.pk)
    if row.removed_at:
        raise Conflict("This payment method was removed.", code="method_removed")
    if not row.is_default:
        PaymentMethod.objects.filter(customer=customer, is_default=True).update(is_default=False)
        row.is_default = True
        row.save(update_fields=["is_default", "updated_at"])
        audit.record(
            row.organization,
            "customer.payment_method_chosen",
            customer,
            by=by,
            at=at,
            customer=customer,
            changes={"payment_method": ("", str(row))},
        )
    return row


@transaction.atomic
def remove_method(method: PaymentMethod, *, by: Actor, at: datetime) -> PaymentMethod:
    """Never charge it again; the next one becomes the default, and the provider is told after the commit. Twice is
    once.
    """
    customer = lock_customer_of(method)
    row = PaymentMethod.objects.select_for_update(of=("self",)).get(pk=method.pk)
    if row.removed_at:
        return row
    was_default, row.removed_at, row.is_default = row.is_default, timezone.now(), False
    row.save(update_fields=["removed_at", "is_default", "updated_at"])
    heir = PaymentMethod.objects.filter(customer=customer).saved().order_by("created_at").first()
    if was_default and heir is not None:
        heir.is_default = True
        heir.save(update_fields=["is_default", "updated_at"])
    audit.record(
        row.organization,
        "customer.payment_method_removed",
        customer,
        by=by,
        at=at,
        customer=customer,
        changes={"payment_method": (str(row), "")},
    )
    later.enqueue(
        row.organization,
        FORGET,
        key=f"forget:{row.pk}",
        label=f"Remove {row} at the provider",
        subject_id=row.pk,
    )
    return row


def forget(method_id: UUID) -> None:
    """Tell the provider, in a worker, unless it was saved again. Raises `later.TryAgain` while it does not answer."""
    row = PaymentMethod.objects.select_related("provider").get(pk=method_id)
    if row.removed_at is None or not row.external_id:
        return
    try:
        if row.provider.deleted_at is None:
            credentials = unseal(row.provider.credentials)
            charging_for(row.provider.type, credentials, timeout=calls.IN_WORKER).forget(row.external_id)
    except Unavailable as error:
        raise later.TryAgain(error.message, after=timedelta(minutes=10)) from error
    except (ProviderError, Unsealable) as error:  # nothing of ours charges it any more, whatever it keeps
        logger.warning("The payment method %s stays at its provider: %s", row.pk, error)
    # Of a deleted customer nobody needs the id any more; of others the same card may be saved again.
    PaymentMethod.objects.filter(pk=row.pk, customer__deleted_at__isnull=False).update(external_id="")


def open_setup(customer: Any, *, return_url: str = "", key: str, by: Actor, at: datetime) -> MethodSetup:
    """An address where the customer leaves a card. Call it outside of transactions. `key` makes a repeat harmless.
    Raises Invalid when no account has such a page (no_provider) or it refuses, Unavailable (502) when it does not
    answer.
    """
    if len(key) > MOST_KEY:
        raise Invalid(f"A key has at most {MOST_KEY} characters.", field="key")
    setup = begin_setup(customer, key)
    if setup.url:
        return setup
    link = known_links().filter(customer=customer, provider=setup.provider).first()
    wanted = Setup(
        reference=setup.reference,
        begun_at=setup.created_at,
        currency=customer.currency,
        email=customer.email,
        return_url=return_url or settings.BASE_URL + reverse("card-saved", args=[setup]),
        customer_id=link.external_id if link else "",
    )
    try:
        credentials = unseal(setup.provider.credentials)
        client = setups_for(setup.provider.type, credentials, timeout=calls.IN_REQUEST)
        started = client.start_setup(wanted)
    except Unavailable as error:
        raise NotAvailable(f"{setup.provider.name}: {error.message}", code="provider_failed") from error
    except (ProviderError, Unsealable) as error:
        raise Invalid(f"{setup.provider.name}: {error}", code="provider_refused") from error
    now = timezone.now()
    with transaction.atomic():
        row = MethodSetup.objects.select_for_update(of=("self",)).get(pk=setup.pk)
        row.external_id, row.url = started.external_id, started.url
        row.expires_at = row.created_at + timedelta(minutes=started.minutes)
        row.next_at = now + WAITS[0]
        row.save()
        audit.record(
            row.organization,
            "customer.payment_method_asked_for",
            customer,
            by=by,
            at=at,
            customer=customer,
            changes={"provider": ("", setup.provider.name)},
        )
    setup.external_id, setup.url, setup.expires_at = row.external_id, row.url, row.expires_at
    return setup


@transaction.atomic
def begin_setup(customer: Any, key: str) -> MethodSetup:
    """The row before the provider is asked."""
    customer = lock_customer(customer.pk)
    known = MethodSetup.objects.filter(customer=customer, key=key).select_related("provider").first()
    if known is not None:
        return known
    account = setup_account(customer)
    if account is None or customer.deleted_at or customer.deleting_at:
        raise Invalid("No account has a page where a card can be left.", code="no_provider")
    return MethodSetup.objects.create(
        organization=customer.organization, customer=customer, provider=account, key=key
    )


def run_setups(at: datetime) -> int:
    """Beat: ask about cards that customers were to leave. Returns how many were asked about."""
    rows = MethodSetup.objects.filter(next_at__lte=at).order_by("next_at", "pk")
    keys = list(rows.values_list("pk", flat=True)[:MOST_AT_ONCE])
    for key in keys:
        try:
            ask_setup(key)
        except Exception:  # one of many: the others are still asked about
            logger.exception("The setup %s could not be settled.", key)
            MethodSetup.objects.filter(pk=key).update(next_at=timezone.now() + timedelta(minutes=5))
    return len(keys)


def ask_setup(key: UUID) -> None:
    """Ask the provider what was left, and keep it."""
    setup = MethodSetup.objects.select_related("provider", "customer").get(pk=key)
    if setup.state == "successful" or not setup.external_id or setup.provider.deleted_at:
        MethodSetup.objects.filter(pk=key, external_id=setup.external_id).update(next_at=None)
        return
    seen = SeenSetup("pending")
    try:
        credentials = unseal(setup.provider.credentials)
        client = setups_for(setup.provider.type, credentials, timeout=calls.IN_WORKER)
        seen = client.fetch_setup(setup.external_id)
    except (Refused, Unsealable) as error:
        seen = SeenSetup("failed", reason=str(error))
    except ProviderError as error:
        seen = SeenSetup("pending", reason=error.message)
    settle_setup(setup, seen)


@transaction.atomic
def settle_setup(setup: MethodSetup, seen: SeenSetup) -> MethodSetup:
    """Write down what became of it. Locks: customer, setup."""
    customer = lock_customer_of(setup)
    row = MethodSetup.objects.select_for_update(of=("self",)).select_related("provider").get(pk=setup.pk)
    if row.state == "successful":
        return row
    now = timezone.now()
    pause = ask_after(now - row.created_at)
    row.state = "failed" if seen.state == "pending" and pause is None else seen.state
    row.reason = seen.reason[:500]
    row.next_at = now + pause if row.state == "pending" and pause else None
    if seen.saved is not None:
        row.method = save_method(customer, row.provider, seen.saved, at=clock.now(row.organization))
    row.save()
    return row


def ask_setup_soon(setup: MethodSetup) -> None:
    """Have a worker ask now; the beat finds it when the message is lost."""
    if MethodSetup.objects.filter(pk=setup.pk).exclude(state="successful").update(next_at=timezone.now()):
        later.after_commit(ASK, str(setup.pk))
