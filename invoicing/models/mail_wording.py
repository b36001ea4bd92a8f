"""A billing entity's own words for its e-mails."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.orm.scoped import Scoped


class MailWording(Scoped):
    """Subject and introduction of one kind of e-mail in one language, in place of ours; what is empty is ours.
    `form` is a kind of `rules/mail_templates.py:KNOWN`, `language` one that we have words in.
    """

    PREFIX = "mw"

    billing_entity = models.ForeignKey("billing.BillingEntity", on_delete=models.CASCADE, related_name="+")
    form = models.CharField(max_length=20)
    language = models.CharField(max_length=10)
    subject = models.CharField(max_length=200, blank=True)
    intro = models.TextField(max_length=2000, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["billing_entity", "form", "language"], name="mail_wording_once")
        ]

    def __str__(self) -> str:
        return f"{self.form} ({self.language})"
