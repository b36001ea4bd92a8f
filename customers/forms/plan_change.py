"""Changing the plan of a subscription."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q

from billing.models import Plan, Subscription
from billing.rules.plan_changes import When
from billing.web.once import OnceForm
from customers.forms.subscription import PlanChoice


class ChangePlanForm(OnceForm):
    """Another plan, and when."""

    plan = PlanChoice(label="New plan", queryset=Plan.objects.none(), empty_label="Choose a plan")
    when = forms.ChoiceField(
        choices=[
            ("", "As usual"),
            (When.NOW.value, "Now"),
            (When.PERIOD_END.value, "At the end of the period"),
        ],
        required=False,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, subscription: Subscription, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        code = subscription.currency
        plans = Plan.objects.of(subscription.organization).kept().filter(active=True)
        plans = plans.filter(Q(currency=code) | Q(prices__currency=code)).distinct()
        field: Any = self.fields["plan"]
        field.currency = subscription.currency
        field.queryset = plans.exclude(pk=subscription.plan_id).order_by("name").prefetch_related("prices")
        self.fields["when"].choice_hints = {  # type: ignore[attr-defined]
            "": "A plan that costs as much or more a year begins now, a cheaper one when the period ends.",
            "now": "One invoice bills both plans. What was paid in advance and is not used becomes credit.",
            "period_end": "Nothing changes before. It can be called off until then.",
        }

    @property
    def wish(self) -> When | None:
        """When it is to change; None: by the direction."""
        chosen = self.cleaned_data.get("when")
        return When(chosen) if chosen else None
