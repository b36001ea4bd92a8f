"""The one router of /api/wallets, and what each of its operations answers with."""

from __future__ import annotations

from typing import Any

from ninja import Router

from billing.actions.clock import now
from billing.models import Wallet
from billing.queries.payloads_subscriptions import wallet_payload
from billing.queries.shapes import WalletOut
from billing.queries.wallets import state_of, with_lots
from billing.web.api import ApiRequest, envelope
from billing.web.shapes import Object

router = Router(tags=["Wallets"])


def rows_of(request: ApiRequest) -> Any:
    """The organization's wallets, with what their answers need."""
    return with_lots(Wallet.objects.of(request.organization).select_related("customer", "organization"))


def shown(row: Wallet) -> WalletOut:
    """A wallet of `rows_of` as it is now."""
    return wallet_payload(row, state_of(row, row.open_lots, now(row.organization)))  # type: ignore[attr-defined]


def answer(request: ApiRequest, row: Wallet) -> Object[WalletOut]:
    """The wallet, fresh from the table."""
    return envelope(shown(rows_of(request).get(pk=row.pk)))
