"""/api/wallets: what goes in and out, and the ledger."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, cast

from django.db import transaction
from django.http import HttpRequest
from ninja import Query
from pydantic import AwareDatetime

from billing.actions.clock import now
from billing.actions.wallets import grant, void_credits
from billing.models import Wallet, WalletEntry
from billing.orm.fields import new_id
from billing.queries.payloads_subscriptions import entry_payload
from billing.queries.shapes import TracedEntryOut, WalletEntryOut, WalletOut
from billing.queries.wallet_uses import traced_payload
from billing.rules.errors import Invalid
from billing.rules.wallets import LAST_PRIORITY
from billing.web.api import ApiRequest, ApiSchema, envelope, named
from billing.web.api_lists import ListQuery, listed
from billing.web.shapes import Listing, Object
from customers.api.wallet_rows import answer, router, rows_of
from invoicing.actions.top_up import OWN_KEYS, sell_credits

MOST_KEY = 150


class DebitIn(ApiSchema):
    """Credits to take out, with the reason for the history. `transactionId` makes a repeat harmless."""

    credits: Decimal
    reason: str
    transaction_id: str = ""


class TopUpIn(ApiSchema):
    """Credits to grant, to sell, or both; `priority`: when the wallet uses them, 1 first. `transactionId`
    makes a repeat harmless.
    """

    granted_credits: Decimal | None = None
    granted_credits_expire_at: AwareDatetime | None = None
    paid_credits: Decimal | None = None
    priority: int = LAST_PRIORITY
    reason: str = ""
    transaction_id: str = ""


class EntryQuery(ListQuery):
    """A page of the list."""

    SORTS: ClassVar = {"createdAt": "at"}


def own_key(transaction_id: str) -> str:
    """The ledger's key for a caller's. Those that the product gives its own top-ups are not to be had."""
    for taken in OWN_KEYS:
        if transaction_id.startswith(taken):
            raise Invalid(f"A transactionId does not start with {taken}", field="transaction_id")
    if len(transaction_id) > MOST_KEY:
        raise Invalid(f"Use at most {MOST_KEY} characters.", field="transaction_id")
    return f"api:{transaction_id or new_id()}"


def add_credits(request: ApiRequest, row: Wallet, body: TopUpIn, at: datetime) -> None:
    """Grant and sell what the body asks for."""
    key = own_key(body.transaction_id)
    if body.granted_credits is not None:
        with named(credits="granted_credits", expires_at="granted_credits_expire_at"):
            grant(
                row,
                body.granted_credits,
                reason=body.reason,
                expires_at=body.granted_credits_expire_at,
                priority=body.priority,
                key=key,
                by=request.actor,
                at=at,
            )
    if body.paid_credits is not None:
        with named(credits="paid_credits"):
            sell_credits(
                row,
                body.paid_credits,
                priority=body.priority,
                key=body.transaction_id,
                by=request.actor,
                at=at,
            )


@router.post("/{id}/debit")
def debit(request: HttpRequest, id: str, body: DebitIn) -> Object[WalletOut]:
    """Take credits out by hand: for a prepaid customer at most what is available, for a postpaid one down to minus
    the credit limit.
    """
    staff = cast(ApiRequest, request)
    row = rows_of(staff).by_public_id(id)
    if not body.reason.strip():
        raise Invalid("Say why: the reason is kept in the history.", field="reason")
    void_credits(
        row,
        body.credits,
        reason=body.reason.strip(),
        key=own_key(body.transaction_id),
        by=staff.actor,
        at=now(staff.organization),
    )
    return answer(staff, row)


@router.post("/{id}/top-up")
def top_up(request: HttpRequest, id: str, body: TopUpIn) -> Object[WalletOut]:
    """More credits. Sold ones arrive when their invoice is paid."""
    staff = cast(ApiRequest, request)
    row = rows_of(staff).by_public_id(id)
    if body.granted_credits is None and body.paid_credits is None:
        raise Invalid("Send grantedCredits, paidCredits, or both.", field="granted_credits")
    with transaction.atomic():
        add_credits(staff, row, body, now(staff.organization))
    return answer(staff, row)


@router.get("/{id}/transactions")
def list_transactions(request: HttpRequest, id: str, paging: Query[EntryQuery]) -> Listing[WalletEntryOut]:
    """The ledger, newest first."""
    row = rows_of(cast(ApiRequest, request)).by_public_id(id)
    entries = WalletEntry.objects.filter(wallet=row).select_related("wallet")
    return listed(request, entries, entry_payload, paging)


@router.get("/{id}/transactions/{entry_id}")
def get_transaction(request: HttpRequest, id: str, entry_id: str) -> Object[TracedEntryOut]:
    """One movement: what its credits paid for (`paidFor`), and for a debit from which credits it was paid
    (`paidFrom`), by line of the invoice, with tax. What a voided invoice gave back is negative.
    """
    row = rows_of(cast(ApiRequest, request)).by_public_id(id)
    entries = WalletEntry.objects.filter(wallet=row).select_related("wallet", "lot")
    return envelope(traced_payload(entries.by_public_id(entry_id)))
