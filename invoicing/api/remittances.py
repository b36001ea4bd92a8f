"""/api/remittances: transfers for several invoices, and what is left. Recorded at /customers/{id}/payments."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, cast

from django.http import HttpRequest
from ninja import Field, Query, Router

from billing.actions.clock import now
from billing.rules.words import id_of
from billing.web.api import ApiRequest, ApiSchema, action_key, envelope
from billing.web.api_lists import ListQuery, listed
from billing.web.shapes import Listing, Object
from invoicing.actions.refunds import send_rest_back
from invoicing.actions.remittances import give_back_rest, turn_into_credits, use_rest
from invoicing.forms.transfers import PartIn, parts_of, wallet_of
from invoicing.models import Remittance
from invoicing.queries.payloads_collecting import remittance_payload
from invoicing.queries.refunds import account_of
from invoicing.queries.shapes_collecting import RemittanceOut
from invoicing.rules.amounts import minor_of

router = Router(tags=["Payments"])


class UseIn(ApiSchema):
    """Invoices to pay (else the unpaid ones, the oldest first), or a wallet to buy credits for."""

    invoices: list[PartIn] | None = None
    wallet_id: str | None = None


class GiveBackIn(ApiSchema):
    """How much goes back; without `amount` all that is on account. What came online is sent back by its provider,
    unless it was sent otherwise already (`byHand`).
    """

    amount: Decimal | None = None
    reason: str = Field("", max_length=500)
    reference: str = Field("", max_length=100)
    by_hand: bool = False


class Filters(ListQuery):
    """What the list can be narrowed to; `onAccount`: those of which something is left."""

    SORTS: ClassVar = {"paidAt": "paid_at,created_at", "createdAt": "created_at", "amount": "amount_minor"}

    customer_id: str | None = None
    on_account: bool = False


def rows_of(request: HttpRequest) -> Any:
    """The organization's transfers."""
    return Remittance.objects.of(cast(ApiRequest, request).organization)


@router.get("")
def list_remittances(request: HttpRequest, filters: Query[Filters]) -> Listing[RemittanceOut]:
    """Newest first."""
    rows = rows_of(request).prefetch_related("returns", "payments", "refunds")
    if filters.customer_id:
        rows = rows.filter(customer_id=id_of("cust", filters.customer_id, "customer_id"))
    if filters.on_account:
        rows = rows.with_rest()
    return listed(request, rows, remittance_payload, filters)


@router.get("/{id}")
def get_remittance(request: HttpRequest, id: str) -> Object[RemittanceOut]:
    """One transfer."""
    return envelope(remittance_payload(rows_of(request).by_public_id(id)))


@router.post("/{id}/use")
def use(request: HttpRequest, id: str, body: UseIn | None = None) -> Object[RemittanceOut]:
    """Pay invoices with what is on account, or buy credits for all of it. `Idempotency-Key` makes a repeat
    harmless.
    """
    staff = cast(ApiRequest, request)
    row: Remittance = rows_of(request).by_public_id(id)
    given = body or UseIn()
    key = action_key(request)
    wallet = wallet_of(request, given.wallet_id, row.customer_id)
    at = now(staff.organization)
    if wallet is not None:
        turn_into_credits(row, wallet, key=key, by=staff.actor, at=at)
    else:
        chosen = parts_of(given.invoices, row.currency)
        use_rest(row, chosen=chosen, only=chosen is not None, key=key, by=staff.actor, at=at)
    return envelope(remittance_payload(rows_of(request).get(pk=row.pk)))


@router.post("/{id}/give-back")
def give_back(request: HttpRequest, id: str, body: GiveBackIn | None = None) -> Object[RemittanceOut]:
    """Give money on account back: through the provider that it came by (a pending one of `refunds`), else it is noted
    that it went. `Idempotency-Key` makes a repeat harmless.
    """
    staff = cast(ApiRequest, request)
    row: Remittance = rows_of(request).by_public_id(id)
    given = body or GiveBackIn(reason="", reference="")
    amount = None if given.amount is None else minor_of(given.amount, row.currency, "amount")
    key, at = action_key(request), now(staff.organization)
    if account_of(row) is not None and not given.by_hand:
        send_rest_back(row, amount_minor=amount, reason=given.reason, key=key, by=staff.actor, at=at)
    else:
        terms = {"reason": given.reason, "reference": given.reference, "key": key}
        give_back_rest(row, amount_minor=amount, **terms, by=staff.actor, at=at)
    return envelope(remittance_payload(rows_of(request).get(pk=row.pk)))
