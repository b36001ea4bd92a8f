"""What the API reads of money that came: when, amounts for invoices, the wallet that a rest buys credits for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast
from uuid import UUID

from django.http import HttpRequest

from billing.models import Wallet
from billing.rules.errors import FieldErrors, Invalid
from billing.rules.ids import decode
from billing.web.api import ApiRequest, ApiSchema
from invoicing.rules.amounts import minor_of

FAST = timedelta(minutes=10)


class PartIn(ApiSchema):
    """An amount for one invoice, in major units."""

    invoice_id: str
    amount: Decimal


def parts_of(parts: list[PartIn] | None, currency: str) -> dict[UUID, int] | None:
    """{invoice: minor units}; an id that is none is named."""
    if parts is None:
        return None
    found: dict[UUID, int] = {}
    faults = []
    for index, part in enumerate(parts):
        key = decode("inv", part.invoice_id)
        if key is None or key in found:
            faults.append((f"invoices[{index}].invoiceId", "Name each invoice once."))
        else:
            found[key] = minor_of(part.amount, currency, f"invoices[{index}].amount")
    if faults:
        raise FieldErrors(faults)
    return found


def came_at(value: datetime | None, at: datetime) -> datetime | None:
    """When the money came; without a zone in UTC. Money of tomorrow is refused: today's statement would not be what
    is owed. A clock that is a little fast counts as now.
    """
    if value is None:
        return None
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    if moment > at + FAST:
        raise Invalid("This moment is in the future.", field="paid_at")
    return min(moment, at)


def wallet_of(request: HttpRequest, id: str | None, customer_id: UUID) -> Wallet | None:
    """The customer's wallet with this id."""
    if id is None:
        return None
    key = decode("wal", id)
    rows = Wallet.objects.of(cast(ApiRequest, request).organization).filter(customer_id=customer_id)
    found = rows.filter(pk=key).first() if key else None
    if found is None:
        raise Invalid("The customer has no such wallet.", code="wallet_not_found", field="wallet_id")
    return cast(Wallet, found)
