"""What a wallet pays for, as fields of its forms."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.db.models import Q

from billing.models import Metric, Organization, Wallet
from billing.rules.wallet_terms import FEE_WORDS


class LimitFields(forms.Form):
    """Kinds of fees and billable metrics. Nothing chosen does not limit."""

    fee_types = forms.MultipleChoiceField(
        label="Kinds of fees",
        choices=list(FEE_WORDS.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    metrics = forms.ModelMultipleChoiceField(
        label="Usage of billable metrics",
        queryset=Metric.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def offer(self, organization: Organization, wallet: Wallet | None = None) -> None:
        """The organization's metrics, with those that the wallet is limited to already chosen."""
        own: list[UUID] = wallet.metric_ids if wallet else []
        rows = Metric.objects.of(organization).filter(Q(deleted_at=None) | Q(pk__in=own)).order_by("name")
        field = self.fields["metrics"]
        field.queryset = rows  # type: ignore[attr-defined]
        if wallet is not None:
            self.fields["fee_types"].initial, field.initial = wallet.fee_types, own

    def limits(self) -> tuple[tuple[str, ...], tuple[UUID, ...]]:
        """(fee types, ids of metrics) of a valid form."""
        data = self.cleaned_data
        return tuple(data["fee_types"]), tuple(row.pk for row in data["metrics"])
