"""Whether a customer has anything that lowers an invoice: most have not, and one query says so."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

ANY = """
SELECT
    EXISTS (SELECT FROM billing_appliedcoupon
            WHERE customer_id = %(customer)s AND status = 'active' AND currency IN ('', %(currency)s)),
    EXISTS (SELECT FROM invoicing_creditnote
            WHERE customer_id = %(customer)s AND currency = %(currency)s AND balance_minor > 0),
    EXISTS (SELECT FROM billing_wallet
            WHERE customer_id = %(customer)s AND currency = %(currency)s
                AND (balance_minor > 0 OR credit_limit_minor > 0)),
    EXISTS (SELECT FROM billing_wallet
            WHERE customer_id = %(customer)s AND status = 'active' AND NOT untouched)
"""


@dataclass(frozen=True)
class Credits:
    """Which kinds of credit there are; those that exist are then read and locked. `in_use`: a wallet, also empty."""

    coupons: bool
    notes: bool
    wallets: bool
    in_use: bool


NO_CREDITS = Credits(coupons=False, notes=False, wallets=False, in_use=False)


def credits_of(customer_id: UUID, currency: str) -> Credits:
    """What a locked customer could use on an invoice in this currency."""
    with connection.cursor() as cursor:
        cursor.execute(ANY, {"customer": customer_id, "currency": currency})
        return Credits(*cursor.fetchone())
