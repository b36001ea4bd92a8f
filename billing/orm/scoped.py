"""The one base class of all rows: a UUIDv7 key, the owning organization, and two moments.

Every query of a door starts with `Model.objects.of(organization)`; a row of another organization is then
simply not found.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import models
from django.http import Http404

from billing.orm.fields import new_id
from billing.rules.ids import decode, encode


class ScopedQuerySet(models.QuerySet[Any]):
    """Chainable filters that every table has."""

    def of(self, organization: Any) -> Self:
        """Rows of this organization only."""
        return self.filter(organization=organization)

    def get_or_404(self, **lookup: Any) -> Any:
        """The one row, or a 404 that does not say whether it exists elsewhere."""
        try:
            return self.get(**lookup)
        except self.model.DoesNotExist as error:
            raise Http404(f"No such {self.model._meta.verbose_name}.") from error

    def by_public_id(self, text: str) -> Any:
        """The row with this id in any accepted spelling; 404 when there is none."""
        key = decode(self.model.PREFIX, text)
        if key is None:
            raise Http404(f"No such {self.model._meta.verbose_name}.")
        return self.get_or_404(pk=key)

    def locked(self, *, no_key: bool = False) -> Self:
        """The rows in primary-key order, locked against other writers until the transaction ends. `no_key`: not
        against rows that refer to them.
        """
        return self.order_by("pk").select_for_update(of=("self",), no_key=no_key)


class KeptQuerySet(ScopedQuerySet):
    """For tables whose rows are only marked deleted."""

    def kept(self) -> Self:
        """Rows that are not deleted."""
        return self.filter(deleted_at=None)


class Identified(models.Model):
    """A UUIDv7 primary key shown with the noun's prefix."""

    PREFIX: ClassVar[str] = ""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True

    @property
    def public_id(self) -> str:
        """`cust_` + 32 hex digits."""
        return encode(self.PREFIX, self.pk)


class Scoped(Identified):
    """A row that belongs to an organization."""

    organization = models.ForeignKey(
        "billing.Organization", on_delete=models.PROTECT, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True, editable=False)

    objects = ScopedQuerySet.as_manager()

    organization_id: UUID

    class Meta:
        abstract = True


class Kept(Scoped):
    """A scoped row that is marked deleted instead of removed."""

    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = KeptQuerySet.as_manager()

    class Meta:
        abstract = True
