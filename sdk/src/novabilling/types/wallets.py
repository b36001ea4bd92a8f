"""Wallets."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Optional

from .base import Amount, Model


class Wallet(Model):
    """Credits that a customer has paid for or was given. Amounts in major units, credits as they are."""

    id: str
    organization_id: str = ""
    customer_id: str = ""
    name: str = ""
    currency: str = ""
    mode: Optional[str] = None
    is_primary: bool = False
    rate_amount: Amount = 1
    priority: Optional[int] = None
    applies_to: Dict[str, Any] = {}
    status: str = ""
    balance: Amount = 0
    credits_balance: Amount = 0
    cash_balance: Amount = 0
    promotional_balance: Amount = 0
    promotional_balance_expires_at: Optional[datetime] = None
    ongoing_balance: Optional[Amount] = None
    ongoing_usage_balance: Optional[Amount] = None
    held_balance: Amount = 0
    available_balance: Amount = 0
    debt: Amount = 0
    credit_limit: Optional[Amount] = None
    max_balance: Optional[Amount] = None
    max_single_credit: Optional[Amount] = None
    low_balance_threshold: Optional[Amount] = None
    auto_topup_enabled: bool = False
    auto_topup_amount: Optional[Amount] = None
    expiration_at: Optional[datetime] = None
    terminated_at: Optional[datetime] = None
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None


class WalletTransaction(Model):
    """One movement of a wallet, signed."""

    id: str
    wallet_id: str = ""
    type: str = ""
    transaction_status: str = ""
    credits: Amount = 0
    amount: Amount = 0
    balance_after: Amount = 0
    invoice_id: Optional[str] = None
    reason: Optional[str] = None
    created_at: Optional[datetime] = None
