"""The rows of the customer form: metadata pairs, and tax numbers by kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory

from customers.rules.fields import MAX_METADATA_KEYS
from customers.rules.identifiers import KINDS, MAX_LENGTH, OTHER, kind_name, tax_identifiers
from customers.rules.values import Refused

IDENTIFIERS = "identifiers"


class MetadataRow(forms.Form):
    """A key and its value; an empty row is left out."""

    key = forms.CharField(max_length=100, required=False)
    value = forms.CharField(max_length=2000, required=False)

    def clean(self) -> dict[str, Any]:
        """A value needs its key."""
        values = dict(super().clean() or self.cleaned_data)
        if values.get("value") and not values.get("key"):
            self.add_error("key", "Give the value a key.")
        return values


class Rows(BaseFormSet):
    """Rows of which the removed ones do not count; `NAME` is the field that tells a filled one, each value once."""

    NAME = "key"

    def kept_rows(self) -> list[forms.Form]:
        """Rows that are valid, filled and not marked for removal."""
        rows = [row for row in self.forms if row.is_valid() and row.cleaned_data.get(self.NAME)]
        return [row for row in rows if not row.cleaned_data.get("DELETE")]

    def twice(self) -> list[str]:
        """What stands there more than once."""
        names = [row.cleaned_data[self.NAME] for row in self.kept_rows()]
        return sorted({name for name in names if names.count(name) > 1})


class MetadataRows(Rows):
    """The key and value pairs of a customer. Values that are not text are shown as JSON and kept as they are
    until somebody changes them.
    """

    def clean(self) -> None:
        """Each key once."""
        if twice := self.twice():
            raise forms.ValidationError(f"The key {twice[0]} stands there twice.")

    def value(self, old: Mapping[str, Any]) -> dict[str, Any]:
        """The metadata object; `old` is what the customer has now."""
        pairs = {row.cleaned_data["key"]: row.cleaned_data["value"] for row in self.kept_rows()}
        return {
            key: old[key] if key in old and shown(old[key]) == text else text for key, text in pairs.items()
        }


def shown(value: Any) -> str:
    """A metadata value as the form shows it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def metadata_rows(
    data: Mapping[str, Any] | None = None, *, metadata: Mapping[str, Any] | None = None
) -> MetadataRows:
    """The bound or unbound formset. One empty row is there for people without JavaScript."""
    factory = formset_factory(
        MetadataRow,
        formset=MetadataRows,
        extra=1,
        can_delete=True,
        max_num=MAX_METADATA_KEYS,
        validate_max=True,
    )
    pairs = [{"key": key, "value": shown(value)} for key, value in (metadata or {}).items()]
    return factory(data, initial=pairs, prefix="metadata", auto_id="customer_%s")  # type: ignore[return-value]


class IdentifierRow(forms.Form):
    """A kind and its number, checked by the kind."""

    kind = forms.ChoiceField(
        choices=[
            ("", "Choose a kind"),
            *((kind, name) for kind, (name, _) in KINDS.items()),
            (OTHER, "Other"),
        ],
        required=False,
    )
    number = forms.CharField(max_length=MAX_LENGTH, required=False)

    def clean(self) -> dict[str, Any]:
        """The number in its one spelling, or why it is none."""
        values = dict(super().clean() or self.cleaned_data)
        kind, number = values.get("kind"), values.get("number")
        if number and "kind" in values and not kind:
            self.add_error("kind", "Choose what kind of number this is.")
        elif kind and number:
            try:
                values["number"] = tax_identifiers({kind: number})[kind]
            except Refused as error:
                self.add_error("number", str(error).removeprefix(f"{kind_name(kind)}: ").capitalize())
        return values


class IdentifierRows(Rows):
    """Tax numbers by kind, each kind once."""

    NAME = "number"

    def clean(self) -> None:
        """Each kind once."""
        kinds = [row.cleaned_data["kind"] for row in self.kept_rows()]
        if twice := sorted({kind_name(kind) for kind in kinds if kinds.count(kind) > 1}):
            raise forms.ValidationError(f"{twice[0]} stands there twice.")

    def changes(self, old: Mapping[str, str]) -> dict[str, str | None]:
        """What differs from the customer's numbers, None for those taken away; nothing when no rows were sent."""
        if not self.is_bound:
            return {}
        new = {row.cleaned_data["kind"]: row.cleaned_data["number"] for row in self.kept_rows()}
        gone: dict[str, str | None] = dict.fromkeys(kind for kind in old if kind not in new)
        return gone | {kind: number for kind, number in new.items() if old.get(kind) != number}


def identifier_rows(
    data: Mapping[str, Any] | None = None, *, identifiers: Mapping[str, str] | None = None
) -> IdentifierRows:
    """The formset, bound when its rows were sent."""
    factory = formset_factory(
        IdentifierRow,
        formset=IdentifierRows,
        extra=0 if identifiers else 1,
        can_delete=True,
        max_num=len(KINDS) + 1,
    )
    sent = data if data is not None and f"{IDENTIFIERS}-TOTAL_FORMS" in data else None
    rows = [{"kind": kind, "number": number} for kind, number in (identifiers or {}).items()]
    return factory(sent, initial=rows, prefix=IDENTIFIERS, auto_id="customer_%s")  # type: ignore[return-value]
