"""Forms of accounts with payment providers."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.models import Organization, SyncStrategy
from invoicing.models import PaymentProvider
from invoicing.models.provider import ProviderType
from invoicing.rules.providers import CREDENTIALS, SYNCING

STRATEGY_HINTS = {
    "log": "The customer is saved at once. Providers are told in the background and again when that fails.",
    "throw": "Providers are told first. When one fails, nothing is saved and the person reads why.",
}


class ProviderForm(forms.Form):
    """Name, credentials of the kind, and switches. Stored credentials are never shown: an empty field keeps its; what
    was typed just now is, when something else has to be mended first.
    """

    name = forms.CharField(max_length=100, help_text="What you call this account, such as Stripe Europe.")
    active = forms.BooleanField(required=False, initial=True, help_text="Customers can choose it.")
    sync_customers = forms.BooleanField(
        label="Keep customers in step",
        required=False,
        initial=True,
        help_text="New, changed and deleted customers are mirrored to this account.",
    )

    def __init__(
        self,
        *args: Any,
        kind: str,
        account: PaymentProvider | None = None,
        stored: frozenset[str] = frozenset(),
        **kwargs: Any,
    ) -> None:
        if account is not None:
            names = ("name", "active", "sync_customers")
            kwargs["initial"] = {name: getattr(account, name) for name in names}
        else:
            kwargs["initial"] = {"name": ProviderType(kind).label}
        super().__init__(*args, **kwargs)
        if kind not in SYNCING:
            del self.fields["sync_customers"]
        for credential in CREDENTIALS[kind]:
            known = credential.name in stored
            hint = f"{credential.hint} Stored; leave empty to keep it." if known else credential.hint
            self.fields[f"secret-{credential.name}"] = forms.CharField(
                label=credential.label,
                required=credential.required and not known,
                max_length=500,
                help_text=hint.strip(),
                widget=forms.PasswordInput(
                    attrs={"autocomplete": "off", "spellcheck": "false"}, render_value=True
                ),
            )

    @property
    def secrets(self) -> list[forms.BoundField]:
        """The fields of the credentials, for the template."""
        return [self[name] for name in self.fields if name.startswith("secret-")]

    def columns(self) -> dict[str, Any]:
        """What the action gets, without the credentials."""
        names = ("name", "active", "sync_customers")
        return {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}

    def credentials(self) -> dict[str, str]:
        """The credentials that were typed."""
        typed = {
            name.removeprefix("secret-"): self.cleaned_data.get(name) for name in self.fields if "-" in name
        }
        return {name: value for name, value in typed.items() if value}


class StrategyForm(forms.Form):
    """What happens when a provider cannot take a change of a customer over."""

    provider_sync_strategy = forms.ChoiceField(
        label="When a provider fails", choices=SyncStrategy.choices, widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        kwargs["initial"] = {"provider_sync_strategy": organization.provider_sync_strategy}
        super().__init__(*args, **kwargs)
        self.fields["provider_sync_strategy"].choice_hints = STRATEGY_HINTS  # type: ignore[attr-defined]
