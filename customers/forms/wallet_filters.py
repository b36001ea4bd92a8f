"""The filters of the list of wallets. A value that means nothing is ignored."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict

from billing.forms.lists import LongSelect, currency_codes, with_empty
from customers.models import Mode

STATUSES = [("", "Any"), ("active", "Active"), ("terminated", "Terminated")]
KINDS = [("", "Any"), ("yes", "Primary"), ("no", "Additional")]
USES = [("", "In use"), ("never", "Never used"), ("all", "All")]
SWITCHES = [("", "Any"), ("yes", "On"), ("no", "Off")]
BALANCES = [
    ("", "Any"),
    ("low", "Low"),
    ("negative", "Below zero"),
    ("empty", "Zero"),
    ("positive", "Above zero"),
]


class WalletFilters(forms.Form):
    """Words, currency, state, and what kind of wallet."""

    q = forms.CharField(label="Search", required=False, max_length=100)
    use = forms.ChoiceField(choices=USES, required=False)
    status = forms.ChoiceField(choices=STATUSES, required=False)
    balance = forms.ChoiceField(choices=BALANCES, required=False)
    currency = forms.ChoiceField(
        choices=with_empty("Any", currency_codes()), required=False, widget=LongSelect
    )
    primary = forms.ChoiceField(label="Kind", choices=KINDS, required=False)
    auto = forms.ChoiceField(label="Auto top-up", choices=SWITCHES, required=False)
    mode = forms.ChoiceField(choices=with_empty("Any", Mode.choices), required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data, auto_id="filter_%s")
        self.is_valid()
        self.values: dict[str, Any] = {name: value for name, value in self.cleaned_data.items() if value}

    def panel(self) -> list[forms.BoundField]:
        """What the menu "Filters" shows."""
        return [self[name] for name in self.fields if name != "q"]

    def chips(self, query: QueryDict) -> list[dict[str, str]]:
        """The filters in force, each with the URL that leaves it out."""
        found = []
        for name, value in self.values.items():
            rest = query.copy()
            for gone in (name, "page", "cursor"):
                rest.pop(gone, None)
            choices = dict(getattr(self.fields[name], "choices", ()))
            word = value if name in ("q", "currency") else choices[value]
            found.append(
                {"label": str(self[name].label), "value": word, "remove_url": f"?{rest.urlencode()}"}
            )
        return found
