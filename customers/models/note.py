"""What staff write down about a customer."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.orm.scoped import Kept


class Note(Kept):
    """A note. Its author may change it; `author_label` stays when the account goes. A deleted one keeps its row,
    so that deleting can be undone.
    """

    PREFIX = "note"

    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="notes")
    author = models.ForeignKey("billing.User", null=True, on_delete=models.SET_NULL, related_name="+")
    author_label = models.CharField(max_length=200)
    text = models.TextField(max_length=5000)
    pinned = models.BooleanField(default=False)
    edited_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-pinned", "-created_at"]

    def __str__(self) -> str:
        return self.text[:80]
