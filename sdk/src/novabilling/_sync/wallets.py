# Made by tools/unasync.py from _async/wallets.py: change it there.
"""Wallets."""

from __future__ import annotations

from typing import Iterator, Optional

from typing_extensions import Unpack

from .._wire import path
from ..fields import NewAlert, NewWallet, PageQuery, TopUp, TopUpSchedule, WalletChanges, WalletQuery
from ..fields.base import Number
from ..types import Alert, PaginatedResponse, Record, Wallet, WalletTransaction
from .resource import Resource


class WalletsResource(Resource):
    """`client.wallets`"""

    def create(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewWallet]) -> Wallet:
        """A new wallet, with its first credits if wanted."""
        return self._call(Wallet, "POST", "/wallets", body=fields, idempotency_key=idempotency_key)

    def get(self, wallet_id: str) -> Wallet:
        """One wallet."""
        return self._call(Wallet, "GET", path("/wallets/{}", wallet_id))

    def update(
        self, wallet_id: str, *, if_match: Optional[str] = None, **fields: Unpack[WalletChanges]
    ) -> Wallet:
        """Change the given fields."""
        place = path("/wallets/{}", wallet_id)
        return self._call(Wallet, "PATCH", place, body=fields, if_match=if_match)

    def list(self, **query: Unpack[WalletQuery]) -> PaginatedResponse[Wallet]:
        """A page of wallets."""
        return self._list(Wallet, "/wallets", query)

    def iterate(self, **query: Unpack[WalletQuery]) -> Iterator[Wallet]:
        """All wallets that the query finds, over all pages."""
        return self._walk(Wallet, "/wallets", query)

    def terminate(self, wallet_id: str) -> Wallet:
        """End it; its credits are gone."""
        return self._call(Wallet, "DELETE", path("/wallets/{}", wallet_id))

    def top_up(
        self, wallet_id: str, *, idempotency_key: Optional[str] = None, **fields: Unpack[TopUp]
    ) -> Record:
        """Grant credits, sell them, or both."""
        place = path("/wallets/{}/top-up", wallet_id)
        return self._call(Record, "POST", place, body=fields, idempotency_key=idempotency_key)

    def debit(
        self,
        wallet_id: str,
        *,
        credits: Number,
        reason: str,
        transaction_id: str = "",
        idempotency_key: Optional[str] = None,
    ) -> Record:
        """Take credits out, with the reason for the history."""
        place = path("/wallets/{}/debit", wallet_id)
        body = {"credits": credits, "reason": reason, "transaction_id": transaction_id}
        return self._call(Record, "POST", place, body=body, idempotency_key=idempotency_key)

    def get_transactions(
        self, wallet_id: str, **query: Unpack[PageQuery]
    ) -> PaginatedResponse[WalletTransaction]:
        """Its movements, newest first."""
        return self._list(WalletTransaction, path("/wallets/{}/transactions", wallet_id), query)

    def get_transaction(self, wallet_id: str, transaction_id: str) -> WalletTransaction:
        """One movement."""
        place = path("/wallets/{}/transactions/{}", wallet_id, transaction_id)
        return self._call(WalletTransaction, "GET", place)

    def get_schedule(self, wallet_id: str) -> Record:
        """When it is topped up by itself."""
        return self._call(Record, "GET", path("/wallets/{}/top-up-schedule", wallet_id))

    def set_schedule(self, wallet_id: str, **fields: Unpack[TopUpSchedule]) -> Record:
        """Top it up at each interval, or whenever it has come down to `threshold_credits`."""
        return self._call(Record, "PUT", path("/wallets/{}/top-up-schedule", wallet_id), body=fields)

    def delete_schedule(self, wallet_id: str) -> Record:
        """It is topped up by hand only."""
        return self._call(Record, "DELETE", path("/wallets/{}/top-up-schedule", wallet_id))

    def get_alerts(self, wallet_id: str, **query: Unpack[PageQuery]) -> PaginatedResponse[Alert]:
        """Its alerts."""
        return self._list(Alert, path("/wallets/{}/alerts", wallet_id), query)

    def create_alert(
        self, wallet_id: str, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewAlert]
    ) -> Alert:
        """Tell when its balance passes a value."""
        place = path("/wallets/{}/alerts", wallet_id)
        return self._call(Alert, "POST", place, body=fields, idempotency_key=idempotency_key)
