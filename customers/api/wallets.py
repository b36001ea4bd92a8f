"""/api/wallets."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from django.db import transaction
from django.http import HttpRequest
from ninja import Query, Router
from pydantic import AwareDatetime

from billing.actions.clock import now
from billing.actions.wallets import create_wallet, grant, terminate_wallet
from billing.models import Wallet, WalletEntry
from billing.orm.fields import new_id
from billing.queries.payloads_subscriptions import entry_payload, wallet_payload
from billing.rules.errors import Invalid
from billing.rules.ids import decode
from billing.web.api import ApiRequest, ApiSchema, envelope, named, page_envelope
from customers.api.subscriptions import find_customer
from invoicing.actions.top_up import sell_credits

router = Router(tags=["Wallets"])


class WalletIn(ApiSchema):
    """A new wallet, with its first credits if wanted."""

    customer_id: str
    name: str = ""
    currency: str | None = None
    rate_amount: Decimal = Decimal(1)
    priority: int = 50
    expiration_at: AwareDatetime | None = None
    granted_credits: Decimal | None = None
    paid_credits: Decimal | None = None


class TopUpIn(ApiSchema):
    """Credits to grant, to sell, or both. `transactionId` makes a repeat harmless."""

    granted_credits: Decimal | None = None
    granted_credits_expire_at: AwareDatetime | None = None
    paid_credits: Decimal | None = None
    reason: str = ""
    transaction_id: str = ""


class Filters(ApiSchema):
    """What a list can be narrowed to."""

    customer_id: str | None = None
    status: str | None = None
    page: int = 1
    limit: int = 20


class Paging(ApiSchema):
    """A page of a list."""

    page: int = 1
    limit: int = 20


def rows_of(request: ApiRequest) -> Any:
    """The organization's wallets."""
    return Wallet.objects.of(request.organization).select_related("customer", "organization")


@router.get("")
def list_wallets(request: HttpRequest, filters: Query[Filters]) -> dict[str, Any]:
    """Newest first."""
    rows = rows_of(cast(ApiRequest, request)).order_by("-created_at")
    if filters.customer_id:
        rows = rows.filter(customer_id=decode("cust", filters.customer_id))
    if filters.status:
        rows = rows.filter(status=filters.status.strip().lower())
    return page_envelope(rows, wallet_payload, page=filters.page, limit=filters.limit)


@router.post("", response={201: dict[str, Any]})
def add_wallet(request: HttpRequest, body: WalletIn) -> tuple[int, dict[str, Any]]:
    """A wallet; all or nothing with its first credits."""
    staff = cast(ApiRequest, request)
    at = now(staff.organization)
    customer = find_customer(staff, body.customer_id)
    if not 1 <= body.priority <= 50:
        raise Invalid("Use a priority from 1 to 50.", field="priority")
    with named(expires_at="expiration_at", rate="rate_amount"), transaction.atomic():
        row = create_wallet(
            customer,
            name=body.name,
            currency=(body.currency or customer.currency).upper(),
            rate=body.rate_amount,
            priority=body.priority,
            expires_at=body.expiration_at,
            by=staff.actor,
            at=at,
        )
        first = TopUpIn(granted_credits=body.granted_credits, paid_credits=body.paid_credits)
        add_credits(staff, row, first, at)
    return 201, envelope(wallet_payload(rows_of(staff).get(pk=row.pk)))


def add_credits(request: ApiRequest, row: Wallet, body: TopUpIn, at: datetime) -> None:
    """Grant and sell what the body asks for."""
    key = f"api:{body.transaction_id or new_id()}"
    if body.granted_credits is not None:
        with named(credits="granted_credits", expires_at="granted_credits_expire_at"):
            grant(
                row,
                body.granted_credits,
                reason=body.reason,
                expires_at=body.granted_credits_expire_at,
                key=key,
                by=request.actor,
                at=at,
            )
    if body.paid_credits is not None:
        with named(credits="paid_credits"):
            sell_credits(row, body.paid_credits, key=body.transaction_id, by=request.actor, at=at)


@router.get("/{id}")
def get_wallet(request: HttpRequest, id: str) -> dict[str, Any]:
    """One wallet."""
    return envelope(wallet_payload(rows_of(cast(ApiRequest, request)).by_public_id(id)))


@router.delete("/{id}")
def end_wallet(request: HttpRequest, id: str) -> dict[str, Any]:
    """Terminate it: what is left is voided by an entry."""
    staff = cast(ApiRequest, request)
    row = rows_of(staff).by_public_id(id)
    return envelope(wallet_payload(terminate_wallet(row, by=staff.actor, at=now(staff.organization))))


@router.post("/{id}/top-up")
def top_up(request: HttpRequest, id: str, body: TopUpIn) -> dict[str, Any]:
    """More credits. Sold ones arrive when their invoice is paid."""
    staff = cast(ApiRequest, request)
    row = rows_of(staff).by_public_id(id)
    if body.granted_credits is None and body.paid_credits is None:
        raise Invalid("Send grantedCredits, paidCredits, or both.", field="granted_credits")
    with transaction.atomic():
        add_credits(staff, row, body, now(staff.organization))
    return envelope(wallet_payload(rows_of(staff).get(pk=row.pk)))


@router.get("/{id}/transactions")
def list_transactions(request: HttpRequest, id: str, paging: Query[Paging]) -> dict[str, Any]:
    """The ledger, newest first."""
    row = rows_of(cast(ApiRequest, request)).by_public_id(id)
    entries = WalletEntry.objects.filter(wallet=row).select_related("wallet")
    return page_envelope(entries, entry_payload, page=paging.page, limit=paging.limit)
