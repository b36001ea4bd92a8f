"""Statements of account that were printed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.orm.fields import CurrencyField
from billing.orm.scoped import Scoped


class StatementFile(Scoped):
    """The PDF of a statement as it was when somebody asked for it. `digest` names its content: the same rows are
    printed once, and a statement that has changed since is another file. Empty `pdf`: it is being made.
    """

    PREFIX = "stm"

    customer = models.ForeignKey("customers.Customer", on_delete=models.CASCADE, related_name="statements")
    currency = CurrencyField()
    first = models.DateField()
    last = models.DateField()
    digest = models.CharField(max_length=64)
    pdf = models.FileField(upload_to="statements/", blank=True, max_length=255)
    pdf_made_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["customer", "digest"], name="statement_file_once"),
        ]

    def __str__(self) -> str:
        return f"Statement {self.first} to {self.last}"
