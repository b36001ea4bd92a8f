"""The form of a dunning campaign, and those by which staff stop or choose one for a customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from billing.forms.lists import LongSelect, currency_codes, with_empty
from billing.forms.thresholds import DECIMAL, amount_text, minor
from billing.models import BillingEntity
from billing.rules.errors import FieldErrors
from billing.web.once import OnceForm
from invoicing.actions.dunning_campaigns import CampaignTerms
from invoicing.forms.mails import AddressesField
from invoicing.models import DunningCampaign
from invoicing.rules.dunning import MOST_ATTEMPTS, MOST_DAYS, MOST_STEPS, Step, StepKind, Terms, check_terms

MOST_CURRENCIES = 20
KIND_WORDS = {
    StepKind.REMIND: "Reminder",
    StepKind.CHARGE: "Charge the saved payment method",
    StepKind.PAUSE: "Pause subscriptions",
    StepKind.TERMINATE: "End subscriptions",
}


FURTHER = (StepKind.CHARGE, StepKind.PAUSE, StepKind.TERMINATE)


class ThresholdRow(forms.Form):
    """From which overdue sum on in a currency."""

    currency = forms.ChoiceField(choices=with_empty("Currency", currency_codes()), widget=LongSelect)
    amount = forms.CharField(
        max_length=40, widget=forms.TextInput(attrs=DECIMAL | {"placeholder": "Amount"}), label="Overdue from"
    )

    def clean(self) -> dict[str, Any]:
        """The amount in minor units of its currency."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("currency") and data.get("amount"):
            try:
                data["amount"] = minor(data["amount"], data["currency"])
            except forms.ValidationError as error:
                self.add_error("amount", error)
        return data


class StepRow(forms.Form):
    """What else happens on a day."""

    day = forms.IntegerField(
        min_value=0,
        max_value=MOST_DAYS,
        widget=forms.NumberInput(attrs={"placeholder": "Day", "autocomplete": "off"}),
        label="Day",
    )
    kind = forms.ChoiceField(
        choices=[
            ("", "What happens"),
            *((kind.value, KIND_WORDS[kind]) for kind in FURTHER),
        ],
        label="What happens",
    )


ThresholdRows = forms.formset_factory(
    ThresholdRow,
    extra=1,
    can_delete=True,
    max_num=MOST_CURRENCIES,
    absolute_max=MOST_CURRENCIES + 1,
    validate_max=True,
)
StepRows = forms.formset_factory(
    StepRow, extra=1, can_delete=True, max_num=MOST_STEPS, absolute_max=MOST_STEPS + 1, validate_max=True
)


class CampaignForm(OnceForm):
    """A campaign with its thresholds, its steps and the billing entities whose customers have it."""

    name = forms.CharField(max_length=100)
    code = forms.SlugField(max_length=100, help_text="By which the API names it.")
    description = forms.CharField(required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
    first_day = forms.IntegerField(
        label="First reminder",
        min_value=0,
        max_value=365,
        initial=0,
        help_text="Days after the chase begins.",
    )
    days_between = forms.IntegerField(label="Then every", min_value=1, max_value=365, initial=7)
    max_attempts = forms.IntegerField(
        label="Reminders at most", min_value=1, max_value=MOST_ATTEMPTS, initial=3
    )
    bcc = AddressesField(label="Copies to", required=False)
    defaults = forms.MultipleChoiceField(
        label="For the customers of",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Customers can have another campaign, or none, on their Settings tab.",
    )
    active = forms.BooleanField(required=False, label="Chase from the next nine o'clock on")

    def __init__(
        self,
        data: QueryDict | None,
        *,
        entities: Sequence[BillingEntity],
        currency: str,
        campaign: DunningCampaign | None = None,
    ) -> None:
        initial: dict[str, Any] = {}
        thresholds: list[dict[str, Any]] = [{"currency": currency}] if campaign is None else []
        steps: list[dict[str, Any]] = []
        if campaign is not None:
            names = ("name", "code", "description", "first_day", "days_between", "max_attempts", "active")
            initial = {name: getattr(campaign, name) for name in names}
            initial["bcc"] = ", ".join(campaign.bcc)
            mine = {row.billing_entity_id for row in campaign.defaults.all()}
            initial["defaults"] = [row.public_id for row in entities if row.pk in mine]
            thresholds = [
                {"currency": code, "amount": amount_text(amount, code)}
                for code, amount in sorted(campaign.thresholds.items())
            ]
            steps = list(campaign.escalation)
        super().__init__(data, initial=initial)
        self.entities = {row.public_id: row for row in entities}
        field: Any = self.fields["defaults"]
        field.choices = [(row.public_id, named(row)) for row in entities]
        self.thresholds = ThresholdRows(data, prefix="thresholds", initial=thresholds)
        self.steps = StepRows(data, prefix="steps", initial=steps)

    def is_valid(self) -> bool:
        """With the rows, and what the rule says about them together."""
        if not all([super().is_valid(), self.thresholds.is_valid(), self.steps.is_valid()]):
            return False
        try:
            check_terms(self.terms())
        except FieldErrors as error:
            for name, text in error.errors:
                self.add_error(name if name in self.fields else None, text)
            return False
        codes = [row["currency"] for row in rows_of(self.thresholds)]
        if len(codes) != len(set(codes)):
            self.add_error(None, "Name each currency once.")
            return False
        return True

    def terms(self) -> Terms:
        """What the rule looks at."""
        data = self.cleaned_data
        return Terms(
            {row["currency"]: row["amount"] for row in rows_of(self.thresholds)},
            days_between=data["days_between"],
            max_attempts=data["max_attempts"],
            first_day=data["first_day"],
            escalation=tuple(Step(row["day"], StepKind(row["kind"])) for row in rows_of(self.steps)),
        )

    def chosen(self) -> list[BillingEntity]:
        """The billing entities whose customers have it."""
        return [self.entities[key] for key in self.cleaned_data["defaults"]]

    def given(self) -> CampaignTerms:
        """All that was entered."""
        data = self.cleaned_data
        return CampaignTerms(
            data["name"],
            data["code"],
            self.terms(),
            description=data["description"],
            bcc=data["bcc"],
            active=data["active"],
            defaults=self.chosen(),
        )


def named(entity: BillingEntity) -> str:
    """Its name, and whether it calls overdue invoices to mind by itself: then both would write."""
    own = any(day > 0 for day in entity.reminder_days)
    return f"{entity.name} (also sends reminders of its own)" if own else entity.name


def rows_of(formset: Any) -> list[dict[str, Any]]:
    """The rows that were filled in and not taken away."""
    return [row for row in formset.cleaned_data if row and not row.get("DELETE")]


class StopForm(OnceForm):
    """Why a customer is not to be chased."""

    reason = forms.CharField(required=False, max_length=500, help_text="For your colleagues.")


class ChoiceForm(forms.Form):
    """Which campaign a customer has."""

    campaign = forms.ChoiceField(required=False)

    def __init__(self, data: Any, *, campaigns: Sequence[DunningCampaign], usual: str, chosen: str) -> None:
        super().__init__(data, initial={"campaign": chosen})
        field: Any = self.fields["campaign"]
        field.choices = with_empty(
            f"Same as the billing entity ({usual})", [(row.public_id, row.name) for row in campaigns]
        )
