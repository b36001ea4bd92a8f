"""Messages that providers send us: signed, kept once, and a reason to ask."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from billing.actions import later
from billing.rules.errors import Invalid
from invoicing.actions import provider_calls as calls
from invoicing.actions.attempts import ask_soon
from invoicing.actions.paying import payer_of
from invoicing.actions.payment_methods import ask_setup_soon
from invoicing.clients.providers.base import BadSignature, Notice, ProviderError
from invoicing.models import PaymentAttempt, PaymentProvider, ProviderEvent
from invoicing.queries.paying import attempt_by
from invoicing.queries.payment_methods import setup_by

ASK_REFUNDS = "invoicing.ask_refunds"


def take_notice(
    account: PaymentProvider, headers: Mapping[str, str], body: bytes, *, token: str = "", at: datetime
) -> ProviderEvent:
    """Keep a message and have a worker ask about what it names. A repeat answers the row of the first.

    Raises Invalid (bad_signature), counted at the account, for what the provider has not sent.
    """
    try:
        client = payer_of(account, timeout=calls.IN_WORKER)
        notice = client.read_notice(headers, body, at=at, token=token)
    except (BadSignature, ProviderError) as error:
        PaymentProvider.objects.filter(pk=account.pk).update(
            bad_signatures=F("bad_signatures") + 1, bad_signature_at=timezone.now()
        )
        raise Invalid(str(error), code="bad_signature") from error
    return keep(account, notice)


@transaction.atomic
def keep(account: PaymentProvider, notice: Notice) -> ProviderEvent:
    """Write the event once, and wake up who is concerned."""
    attempt = attempt_by(account, notice.reference, notice.external_id, notice.payment_id)
    setup = None if attempt else setup_by(account, notice.reference)
    event, fresh = ProviderEvent.objects.get_or_create(
        provider=account,
        event_id=notice.event_id[:255],
        defaults={
            "organization": account.organization,
            "name": notice.name[:100],
            "reference": (notice.reference or notice.external_id or notice.payment_id)[:255],
            "outcome": "payment" if attempt else "method" if setup else "unknown",
            "attempt": attempt,
            "received_at": timezone.now(),
        },
    )
    if fresh and setup is not None:
        ask_setup_soon(setup)
    if fresh and attempt is not None and notice.about_refund:
        later.enqueue(
            account.organization,
            ASK_REFUNDS,
            key=f"refunds:{event.pk}",
            label=f"Refunds of {attempt.subject}",
            subject_id=attempt.pk,
            first=True,
        )
    elif fresh and attempt is not None:
        learn(attempt, notice)
        ask_soon(attempt)
    return event


def learn(attempt: PaymentAttempt, notice: Notice) -> None:
    """The provider's id, where its first answer never reached us."""
    if notice.external_id and not attempt.external_id:
        rows = PaymentAttempt.objects.filter(pk=attempt.pk, external_id="")
        rows.update(external_id=notice.external_id[:255], updated_at=timezone.now())
