"""Which credits paid for which line of an invoice."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.models.wallet import WalletEntry, WalletLot
from billing.orm.scoped import Scoped


class WalletUse(Scoped):
    """A part of a debit: from the lot it came (None: on credit, or credits older than lots), for the line it paid
    (None: taken out by hand, or expired). What is given back has the same parts once more, with a negative amount.

    The parts of a debit or a return sum to it: the database says so when the transaction ends, and that they never
    change.
    """

    PREFIX = "wus"

    entry = models.ForeignKey(WalletEntry, on_delete=models.PROTECT, related_name="uses")
    lot = models.ForeignKey(WalletLot, null=True, on_delete=models.PROTECT, related_name="uses")
    line = models.ForeignKey(
        "invoicing.InvoiceLine", null=True, on_delete=models.PROTECT, related_name="wallet_uses"
    )
    amount_minor = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["created_at", "pk"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(amount_minor=0), name="wallet_use_of_something"),
        ]

    def __str__(self) -> str:
        return str(self.amount_minor)
