"""Links with which customers see their own documents."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.scoped import Scoped, ScopedQuerySet


class PortalLinkQuerySet(ScopedQuerySet):
    """Links by state."""

    def live(self, at: object) -> PortalLinkQuerySet:
        """Neither expired nor revoked."""
        return self.filter(revoked_at=None, expires_at__gt=at)


class PortalLink(Scoped):
    """A link for one customer. Only the SHA-256 of its secret is kept."""

    PREFIX = "ptl"

    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="portal_links")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.CharField(max_length=200)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    objects = PortalLinkQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]
        indexes: ClassVar = [
            models.Index(fields=["customer"], condition=Q(revoked_at=None), name="portal_link_live"),
        ]

    def __str__(self) -> str:
        return f"Portal of {self.customer}"
