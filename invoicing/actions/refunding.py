"""Money on its way back through a provider: sent once, asked about until it is known how it went.

The refund is a row with the amount set aside before the provider is asked, and `asked_at` is written before the call:
so after a kill or a time-out it is known that it may have been sent. From then on the provider's own list of what
went back of that money decides. What is not in it is sent again: at once where our reference keeps a repeat from
being a second refund, else only once the list has had time to know. The same list brings what somebody gave back at
the provider without us (`given_back.py`). Locks: customer, payment, refund; nothing is locked around a call but the
refund's own advisory lock.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from billing.actions import clock, later
from billing.actions.locks import lock_customer_of
from billing.clients.sealed import Unsealable, unseal
from billing.orm.actor import Actor
from billing.rules.errors import Conflict
from invoicing.actions import provider_calls as calls
from invoicing.actions.given_back import move, next_look, take
from invoicing.actions.refund_sources import check_refund, lock_source
from invoicing.actions.refunds import begin
from invoicing.clients.providers.base import (
    GivenBack,
    GivingBack,
    KeySpent,
    ProviderError,
    RefundsProvider,
    Refused,
    Unavailable,
)
from invoicing.clients.providers.registry import refunds_for
from invoicing.models import PaymentAttempt, PaymentProvider, Refund
from invoicing.queries.refunds import attempt_of, hindrance
from invoicing.rules.paying import SENT_AGAIN

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 200
RUN_SECONDS = 40
OFF = timedelta(minutes=5)
RUNNING = UUID("6f3f5c1e-7a52-4c0e-8f5b-726566756e64")
NOT_ASKED = "The account was deleted. Look at the provider whether it went back all the same."


def run(at: datetime, *, seconds: float = RUN_SECONDS) -> int:
    """Send and ask about what is due. Returns how many were dealt with; one that cannot be is put off."""
    end = time.monotonic() + seconds
    count = 0
    with later.advisory_lock(RUNNING) as alone:
        if not alone:
            return 0
        rows = Refund.objects.filter(next_at__lte=at).order_by("next_at", "pk")
        for key in list(rows.values_list("pk", flat=True)[:MOST_AT_ONCE]):
            if time.monotonic() > end:
                break
            count += 1
            try:
                send(key)
            except Exception:  # one refund of many: the others still go
                logger.exception("The refund %s could not be dealt with.", key)
                Refund.objects.filter(pk=key).update(next_at=timezone.now() + OFF)
    return count


def send(key: UUID) -> None:
    """Have the provider send a pending refund, or find out how it went."""
    with later.advisory_lock(key) as held:
        if not held:
            return
        rows = Refund.objects.select_related("account", "payment", "remittance", "organization")
        refund = rows.filter(pk=key, status="pending").exclude(account=None).first()
        attempt = attempt_of(refund.source) if refund else None
        if refund is None or attempt is None:
            return
        at = clock.now(refund.organization)
        if attempt.provider.deleted_at:
            fail(refund, NOT_ASKED, at=at)
            return
        open_still = bool(refund.asked_at or refund.external_id)
        try:
            client = client_of(attempt.provider)
            if open_still and not settle(refund, client, attempt, at=at):
                return
            open_still = False
            mark_asked(refund)
            told = client.give_back(giving(refund, attempt))
        except KeySpent as error:
            begin_anew(refund, error.message)
        except Unavailable as error:
            wait(refund, error.message)
        except ProviderError as error:
            if open_still:  # who may not read the list has not heard that nothing went
                wait(refund, error.message)
            else:
                fail(refund, error.message, at=at)
        else:
            take(attempt, [told], refund=refund, at=at)


def settle(refund: Refund, client: RefundsProvider, attempt: PaymentAttempt, *, at: datetime) -> bool:
    """Read what the provider has of it. True when it has nothing, and it may be sent once more."""
    asked_at = refund.asked_at or timezone.now()
    found = client.given_back(attempt.money_id, attempt.currency)
    take(attempt, found, at=at)
    refund.refresh_from_db()
    if refund.status != "pending":
        return False
    if refund.external_id:
        wait(refund, refund.failure)
        return False
    if client.REPEATS or timezone.now() - asked_at > SENT_AGAIN:
        return True
    wait(refund, "The provider did not answer. It is asked again before anything is sent once more.")
    return False


def client_of(account: PaymentProvider) -> RefundsProvider:
    """The client of an account. Raises Refused when it cannot be used."""
    try:
        return refunds_for(account.type, unseal(account.credentials), timeout=calls.IN_WORKER)
    except Unsealable as error:
        raise Refused(f"{error} Enter them again.") from error


def giving(refund: Refund, attempt: PaymentAttempt) -> GivingBack:
    """What the provider is asked for."""
    return GivingBack(refund.known_as, attempt.money_id, refund.amount_minor, refund.currency, refund.reason)


def mark_asked(refund: Refund) -> None:
    """It may have been sent from here on. Where a repeat would be a second one, this is the moment of the latest."""
    refund.asked_at = timezone.now()
    Refund.objects.filter(pk=refund.pk).update(asked_at=refund.asked_at, updated_at=refund.asked_at)


def wait(refund: Refund, reason: str) -> None:
    """Asked again later, ever more rarely; after a month a person must look."""
    Refund.objects.filter(pk=refund.pk, status="pending").update(
        next_at=next_look(refund), failure=reason[:500], updated_at=timezone.now()
    )


def begin_anew(refund: Refund, reason: str) -> None:
    """The provider keeps a failure under our reference: the next try has another one, after its list was read."""
    Refund.objects.filter(pk=refund.pk, status="pending").update(
        tries=refund.tries + 1, failure=reason[:500], next_at=timezone.now() + timedelta(minutes=1)
    )


def fail(refund: Refund, reason: str, *, at: datetime) -> None:
    """A final no."""
    told = GivenBack(refund.external_id, "failed", refund.amount_minor, refund.currency, reason=reason)
    with transaction.atomic():
        lock_customer_of(refund.source)
        move(refund, lock_source(refund.source), told, at=at)


def ask_about_refunds(attempt_id: UUID) -> None:
    """A provider has told of money that went back: read its list. Raises `later.TryAgain` when it does not answer."""
    rows = PaymentAttempt.objects.select_related("provider", "payment", "organization")
    attempt = rows.get(pk=attempt_id)
    if hindrance(attempt):
        return
    try:
        found = client_of(attempt.provider).given_back(attempt.money_id, attempt.currency)
    except Unavailable as error:
        raise later.TryAgain(error.message, after=timedelta(minutes=2)) from error
    except ProviderError as error:
        raise Conflict(error.message, code="provider_refused") from error
    take(attempt, found, at=clock.now(attempt.organization))


@transaction.atomic
def retry_refund(refund: Refund, *, by: Actor, at: datetime) -> Refund:
    """Try a failed refund once more, while as much is left of its source. Raises Conflict when it has not failed."""
    customer = lock_customer_of(refund.source)
    source = lock_source(refund.source)
    row = Refund.objects.select_for_update(of=("self",)).get(pk=refund.pk)
    attempt = attempt_of(source)
    if row.status != "failed" or row.account_id is None:
        raise Conflict("Only a refund that has failed can be tried again.", code="refund_not_failed")
    if attempt is None or (reason := hindrance(attempt)):
        raise Conflict(reason if attempt else "It was sent by hand.", code="not_refundable_online")
    check_refund(source, row.amount_minor)
    row.tries += 1
    row.external_id = ""
    begin(row, source, customer, attempt.provider, by=by, at=at)
    return row


def ask_now(refund: Refund) -> Refund:
    """Ask while a person waits."""
    if refund.status != "pending":
        raise Conflict("It is known how this refund went.", code="refund_settled")
    send(refund.pk)
    refund.refresh_from_db()
    return refund
