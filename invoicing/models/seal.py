"""Fingerprints of issued invoices."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.orm.scoped import Scoped


class InvoiceSeal(Scoped):
    """The fingerprint of what an invoice's amounts are made of, taken when it became final (`rules/seal.py`):
    `sha256` of the whole, `parts` {name: sha256} of each part. Apart from the invoice, since lists need none of
    it.
    """

    PREFIX = "seal"

    invoice = models.OneToOneField("invoicing.Invoice", on_delete=models.CASCADE, related_name="seal")
    version = models.PositiveSmallIntegerField()
    sha256 = models.CharField(max_length=64)
    parts = models.JSONField()

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return self.sha256
