"""The operator's back office under /admin/: everything can be seen, little can be changed, each change is noted.

What has laws of its own (ledger, events, documents, states) is changed by the product's own pages only.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, cast

from django.core.paginator import Paginator
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin

from billing.actions import audit
from billing.models import Organization, User
from billing.orm.actor import Actor

MOST_COUNTED = 10_000


class LargePaginator(Paginator):
    """Counts to ten thousand and no further: a list of events must not count a hundred million rows."""

    @cached_property
    def count(self) -> int:
        """The number of rows, at most MOST_COUNTED."""
        rows: Any = self.object_list
        return len(rows[:MOST_COUNTED]) if isinstance(rows, list) else rows.order_by()[:MOST_COUNTED].count()


class BackOffice(ModelAdmin):
    """Columns named in `editable` can be changed; rows are neither made nor deleted here."""

    editable: ClassVar[tuple[str, ...]] = ()
    hidden: ClassVar[tuple[str, ...]] = (
        "search_text",
        "search_grams",
        "content_hash",
        "key_hash",
        "password",
    )
    paginator = LargePaginator
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows are made by the product, by `bootstrap` or by the API."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is deleted here: documents and the trail refer to it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only where something is editable."""
        return bool(self.editable) and super().has_change_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """All columns except those that mean nothing to a person."""
        names = [field.name for field in self.model._meta.fields]
        return [name for name in names if name not in self.hidden]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """Whatever is not named as editable."""
        return [name for name in self.get_fields(request, obj) if name not in self.editable]

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        """Save, and write the line in the organization's trail."""
        before = {name: form.initial.get(name) for name in form.changed_data}
        super().save_model(request, obj, form, change)
        organization = obj if isinstance(obj, Organization) else getattr(obj, "organization", None)
        if organization is None or not before:
            return
        user = cast(User, request.user)
        changes = {name: (old, getattr(obj, name)) for name, old in before.items()}
        audit.record(
            organization,
            f"{obj._meta.model_name}.changed_by_operator",
            obj,
            by=Actor("user", f"{user} (operator)", user_id=user.pk),
            at=timezone.now(),
            changes=changes,
        )
