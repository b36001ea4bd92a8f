"""A choice that a customer may leave to its billing entity."""

from __future__ import annotations

from typing import Any

from django import forms

CHOICES = (("", "Same as the billing entity"), ("yes", "Yes"), ("no", "No"))


class Inherited(forms.ChoiceField):
    """Yes, no, or what the billing entity does (None)."""

    def __init__(self, *, label: str) -> None:
        super().__init__(choices=CHOICES, required=False, label=label)

    def clean(self, value: Any) -> bool | None:
        """As it is stored."""
        return {"yes": True, "no": False}.get(super().clean(value))


def inherited_word(stored: bool | None) -> str:
    """The choice of a stored value."""
    return "" if stored is None else ("yes" if stored else "no")
