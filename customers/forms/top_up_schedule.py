"""What a wallet gets by the calendar, as a form."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms

from billing.actions.top_up_schedules import ScheduleTerms
from billing.forms.days import DayField
from billing.models import TopUpSchedule, Wallet
from billing.models.top_up_schedule import EVERY
from billing.queries.schedules import customer_zone
from billing.rules.money import ZERO
from billing.rules.periods import Interval, local_date, start_of_day
from billing.rules.top_up_rules import Method
from billing.web.once import OnceForm
from customers.forms.wallet import credits_field

THRESHOLD = "threshold"
NUMBERS = ("paid_credits", "granted_credits", "target_credits", "threshold_credits")
NAMES = {"expires_at": "expires_on", "started_at": "starts_on"}
DAY = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class TopUpScheduleForm(OnceForm):
    """How often or at which threshold, how much, from when, until when. Without a choice there is no schedule."""

    interval = forms.ChoiceField(
        label="When", choices=[("", "Never"), *EVERY, (THRESHOLD, "At a threshold")], required=False
    )
    threshold_credits = forms.DecimalField(
        label="Threshold",
        required=False,
        decimal_places=5,
        max_digits=20,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        help_text="Credits. Usage that is not billed yet and credits on their way count.",
    )
    method = forms.ChoiceField(
        label="How much",
        choices=[("fixed", "The same each time"), ("target", "What is missing to a target")],
        widget=forms.RadioSelect,
        initial="fixed",
    )
    paid_credits = credits_field("Credits to sell", "An invoice is issued; they arrive when it is paid.")
    granted_credits = credits_field("Promotional credits", "There at once, without an invoice.")
    target_credits = credits_field(
        "Target", "The balance, with credits that wait for payment, is brought to it."
    )
    grants_target = forms.BooleanField(
        label="Give what is missing", required=False, help_text="Without it, what is missing is sold."
    )
    name = forms.CharField(
        label="Text", required=False, max_length=100, help_text="On its invoices and in the wallet's history."
    )
    starts_on = DayField(
        label="Counted from",
        widget=DAY,
        required=False,
        help_text="The first top-up is one interval after this day.",
    )
    expires_on = DayField(
        label="Last day", required=False, widget=DAY, help_text="Empty: it goes on for ever."
    )

    def __init__(
        self, *args: Any, wallet: Wallet, schedule: TopUpSchedule | None, at: datetime, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.wallet, self.schedule, self.at = wallet, schedule, at
        self.zone = customer_zone(wallet.customer)
        values: dict[str, Any] = {"starts_on": local_date(at, self.zone)}
        if schedule:
            values = {
                name: getattr(schedule, name) for name in ("interval", "method", "grants_target", "name")
            }
            values |= {
                name: f"{getattr(schedule, name).normalize():f}"
                for name in NUMBERS
                if getattr(schedule, name)
            }
            if schedule.trigger == THRESHOLD:
                values |= {"interval": THRESHOLD, "threshold_credits": f"{schedule.threshold_credits:f}"}
            values["starts_on"] = local_date(schedule.started_at, self.zone)
            values["expires_on"] = self.last_day
        for name, value in values.items():
            self.fields[name].initial = value
            self.initial.setdefault(name, value)

    @property
    def last_day(self) -> Any:
        """The last day of the schedule as it is, by the customer's clock."""
        expires = self.schedule.expires_at if self.schedule else None
        return local_date(expires - timedelta(microseconds=1), self.zone) if expires else None

    def terms(self) -> ScheduleTerms | None:
        """What was sent; None: no schedule. A day that was not changed keeps its moment."""
        data, was = self.cleaned_data, self.schedule
        if not data["interval"]:
            return None
        waits = data["interval"] == THRESHOLD
        first, last = data["starts_on"] or local_date(self.at, self.zone), data["expires_on"]
        kept = was is not None and (waits or first == local_date(was.started_at, self.zone))
        ends = start_of_day(last + timedelta(days=1), self.zone) if last else None
        method = Method(data["method"])
        fixed = method is Method.FIXED
        return ScheduleTerms(
            interval=None if waits else Interval(data["interval"]),
            method=method,
            started_at=was.started_at if was is not None and kept else start_of_day(first, self.zone),
            paid_credits=(data["paid_credits"] or ZERO) if fixed else ZERO,
            granted_credits=(data["granted_credits"] or ZERO) if fixed else ZERO,
            target_credits=ZERO if fixed else data["target_credits"] or ZERO,
            grants_target=data["grants_target"] and not fixed,
            expires_at=was.expires_at if was is not None and last == self.last_day else ends,
            name=data["name"],
            threshold_credits=data["threshold_credits"] if waits else None,
        )
