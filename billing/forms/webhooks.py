"""Adding and changing a webhook, and replacing its secret."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.actions.webhook_endpoints import DEFAULT_OVERLAP, OVERLAPS
from billing.rules.event_names import ALL, EVENTS, SYNONYMS, by_noun
from billing.web.once import OnceForm
from billing.web.trail_words import NOUNS

CHOSEN = "chosen"


class WebhookForm(OnceForm):
    """Address, description and events; those are boxes by noun, other spellings among them."""

    url = forms.CharField(
        label="Address",
        max_length=2000,
        widget=forms.URLInput(attrs={"placeholder": "https://", "autocomplete": "off"}),
        help_text="Where events are posted to: https, or http while you try things out.",
    )
    description = forms.CharField(
        max_length=255, required=False, help_text="What it is for: Production, Data warehouse …"
    )
    scope = forms.ChoiceField(
        label="Listens to",
        choices=[(ALL, "All events, also those that are added later"), (CHOSEN, "Only what is chosen below")],
        widget=forms.RadioSelect,
        initial=CHOSEN,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for noun, names in by_noun().items():
            spelled = sorted(other for other, own in SYNONYMS.items() if own in names)
            self.fields[f"events-{noun}"] = forms.MultipleChoiceField(
                label=NOUNS[noun],
                choices=[(name, name) for name in [*names, *spelled]],
                widget=forms.CheckboxSelectMultiple,
                required=False,
            )

    def groups(self) -> list[dict[str, Any]]:
        """Noun by noun: the field, how many of its boxes are ticked, and whether one is at fault."""
        found = []
        for noun in by_noun():
            field = self[f"events-{noun}"]
            field.choice_hints = {  # type: ignore[attr-defined]
                **{name: EVENTS[name] for name in by_noun()[noun]},
                **{other: f"Another spelling of {own}." for other, own in SYNONYMS.items()},
            }
            count = len(field.value() or [])
            found.append({"field": field, "label": NOUNS[noun], "count": count})
        return found

    def clean(self) -> dict[str, Any]:
        """One that listens to nothing is a mistake."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("scope") == CHOSEN and not self.events():
            self.add_error("scope", "Choose at least one event, or all.")
        return values

    def events(self) -> list[str]:
        """The names as the action takes them."""
        if self.cleaned_data.get("scope") == ALL:
            return [ALL]
        return [name for noun in by_noun() for name in self.cleaned_data.get(f"events-{noun}", [])]


def initial_of(url: str, description: str, events: list[str]) -> dict[str, Any]:
    """The form's values for what is stored. What is listed beside `*` is kept ticked."""
    values: dict[str, Any] = {"url": url, "description": description}
    values["scope"] = ALL if ALL in events else CHOSEN
    for name in events:
        if name != ALL:
            values.setdefault(f"events-{SYNONYMS.get(name, name).split('.')[0]}", []).append(name)
    return values


class SecretForm(OnceForm):
    """For how long the old secret signs beside the new one."""

    overlap = forms.TypedChoiceField(
        label="The old secret",
        choices=[
            (
                hours,
                "stops signing at once" if not hours else f"signs for {hours} hour{'s' * (hours > 1)} more",
            )
            for hours in OVERLAPS
        ],
        coerce=int,
        widget=forms.RadioSelect,
        initial=DEFAULT_OVERLAP,
        help_text="Until then each delivery carries both signatures, so that you can change over in peace.",
    )
