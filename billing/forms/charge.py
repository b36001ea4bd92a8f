"""The editor of one charge in the plan form: its fields, its price, its filters, and how they become terms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.utils.safestring import SafeString

from billing.actions.charge_terms import CHECKED, PRORATED_KINDS, ChargeTerms, wrong_timing
from billing.forms.charge_fields import ChargeForm, Shelf
from billing.forms.charge_filter import FilterEditor
from billing.forms.charge_rows import MODEL_HINTS, Row, example_number, from_values
from billing.forms.price import PriceEditor
from billing.queries.charge_preview import Example, curve, work_out, work_out_events
from billing.rules.amounts import read_amount
from billing.rules.charges.base import plain
from billing.rules.charges.registry import CHARGE_MODELS
from billing.rules.errors import BillingError, FieldErrors, Invalid
from billing.rules.event_trial import Tried, read_lines

_FILTER = re.compile(r"filters\[(\d+)\]\.(.*)$")
FIELDS = {
    "chargeModel": "charge_model",
    "metric": "metric",
    "minAmount": "min_amount",
    "groupKeys": "group_keys",
    "prorated": "prorated",
    "payInAdvance": "timing",
    "invoiceable": "timing",
    "invoiceDisplayName": "invoice_display_name",
}


class ChargeEditor(PriceEditor):
    """One charge on the page, with its `filters`, and after `check()` its errors or `terms`."""

    def __init__(self, index: int, row: Row, shelf: Shelf, *, currency: str, checked: bool = False) -> None:
        chosen = row.get("charge_model")
        model = str(chosen) if chosen in CHARGE_MODELS else "standard"
        super().__init__(f"charges-{index}", str(index), model, row, checked=checked)
        self.index, self.shelf, self.currency = index, shelf, currency
        self.metric = shelf.metrics.get(str(row.get("metric") or ""))
        flat = {
            f"{self.prefix}-{name}": value for name, value in row.items() if name not in {"tiers", "filters"}
        }
        self.form = ChargeForm(flat if checked else None, initial=row, prefix=self.prefix)
        metrics = [(key, f"{metric.name} ({metric.code})") for key, metric in shelf.metrics.items()]
        self.form.fields["metric"].choices = [("", "Choose a metric"), *metrics]
        self.form.fields["taxes"].choices = [(key, str(tax)) for key, tax in shelf.taxes.items()]
        self.filters = [
            FilterEditor(index, number, model, one, self.metric, checked=checked)
            for number, one in enumerate(row.get("filters", []))
        ]
        self.terms: ChargeTerms | None = None

    @property
    def title(self) -> str:
        """The metric's name, once it is chosen."""
        return self.metric.name if self.metric else "New charge"

    @property
    def model_title(self) -> str:
        """ "Graduated"."""
        return CHARGE_MODELS[self.model].title

    @property
    def model_hint(self) -> str:
        """What the model does, in a sentence."""
        return MODEL_HINTS[self.model]

    @property
    def may_prorate(self) -> bool:
        """Whether units of the metric outlast their period."""
        return bool(self.metric and self.metric.recurring and self.metric.aggregation in PRORATED_KINDS)

    @property
    def may_filter(self) -> bool:
        """Whether the metric tells events apart."""
        return bool(self.metric and self.metric.filters)

    @property
    def refresh(self) -> str:
        """What a select sends when its choice changes which fields there are (hx-vals)."""
        return f'{{"do": "model:{self.index}"}}'

    @property
    def has_extras(self) -> bool:
        """Whether the folded part has something to show."""
        names = ("invoice_display_name", "group_keys", "min_amount", "taxes", "prorated")
        if self.row.get("timing") not in (None, "", "arrears") or self.form["timing"].errors:
            return True
        return any(self.row.get(name) or self.form[name].errors for name in names)

    @property
    def units_input(self) -> SafeString:
        """The number of units of the worked example."""
        attrs: dict[str, str | bool] = {"class": "input", "aria-label": "Units of the example"}
        return self.example_form["example_units"].as_widget(attrs=attrs)

    @property
    def events_input(self) -> SafeString:
        """The number of events of the worked example."""
        attrs: dict[str, str | bool] = {"class": "input is-short", "aria-label": "Events of the example"}
        return self.example_form["example_events"].as_widget(attrs=attrs)

    @property
    def list_input(self) -> SafeString:
        """The events of the worked example, one per line."""
        attrs: dict[str, str | bool] = {
            "class": "input mono",
            "aria-label": "Events of the example, one per line",
        }
        return self.example_form["example_list"].as_widget(attrs=attrs)

    @property
    def example_list(self) -> str:
        """The events that were typed for the worked example."""
        return str(self.row.get("example_list") or "").strip()

    @property
    def example_form(self) -> ChargeForm:
        """The fields of the worked example, filled in whether the charge is checked or not."""
        initial = {
            "example_units": self.example_units,
            "example_events": self.example_events,
            "example_list": self.row.get("example_list"),
        }
        return ChargeForm(initial=initial, prefix=self.prefix)

    def check(self) -> bool:
        """Whether this charge is in order; else its cells carry the errors. Needs `checked=True`."""
        self.check_tiers()
        for one in self.filters:
            one.check()
        if not self.form.is_valid() or self.metric is None:
            return False
        typed = str(self.row.get("group_keys") or "").split(",")
        terms = ChargeTerms(
            metric=self.metric,
            charge_model=self.model,
            properties=self.properties(),
            invoice_display_name=self.form.cleaned_data["invoice_display_name"],
            min_amount_minor=self.minimum(),
            taxes=[self.shelf.taxes[key] for key in self.form.cleaned_data["taxes"]],
            id=self.id,
            filters=[one.terms() for one in self.filters],
            group_keys=[key.strip() for key in typed if key.strip()],
            prorated=self.form.cleaned_data["prorated"],
            pay_in_advance=self.form.cleaned_data["timing"] in {"invoiced", "gathered"},
            invoiceable=self.form.cleaned_data["timing"] != "gathered",
        )
        self.add_errors(wrong_timing(terms))
        for check in CHECKED.values():
            try:
                check(terms)
            except BillingError as error:
                self.add_errors(
                    error.errors if isinstance(error, FieldErrors) else [(error.field or "", str(error))]
                )
        self.terms = terms
        return self.is_valid()

    @property
    def id(self) -> UUID | None:
        """The stored charge that this edits."""
        try:
            return UUID(str(self.row.get("id") or ""))
        except ValueError:
            return None

    def minimum(self) -> int:
        """The minimum spend in minor units; an error stands at its field."""
        typed = str(self.row.get("min_amount") or "")
        try:
            return read_amount(typed, self.currency) if typed.strip() and self.currency else 0
        except Invalid as error:
            self.form.add_error("min_amount", str(error))
            return 0

    def is_valid(self) -> bool:
        """No error anywhere."""
        return self.price_is_valid() and all(one.price_is_valid() for one in self.filters)

    def add_errors(self, errors: Sequence[tuple[str, str]]) -> None:
        """Put errors of the rule or the action at their cells; the rest stands above the charge."""
        for path, text in errors:
            found = _FILTER.match(path)
            if found and int(found[1]) < len(self.filters):
                self.filters[int(found[1])].add_errors([(found[2], text)])
            else:
                self.put_errors([(path, text)], FIELDS)

    def example(self) -> Example:
        """The worked example for the units that were typed. Raises as `work_out` does."""
        return work_out(
            self.model,
            self.properties(),
            currency=self.currency,
            units=example_number(self.example_units, "units"),
            events_count=int(example_number(self.example_events, "eventsCount")) if self.by_event else 0,
        )

    def example_of_list(self, at: datetime) -> tuple[Example, Tried]:
        """The worked example of the events that were typed. Raises as `work_out_events` does."""
        if self.metric is None:
            raise Invalid("Choose the billable metric first.", field="events")
        typed = read_lines(self.example_list, self.metric.field_name)
        return work_out_events(
            self.model,
            self.properties(),
            currency=self.currency,
            metric=self.metric,
            events=typed,
            at=at,
        )

    def curve(self) -> list[tuple[Decimal, int]]:
        """What up to as many units cost; empty where single events decide, or every unit costs the same. Raises as
        `work_out` does.
        """
        top = example_number(self.example_units, "units")
        if self.by_event or self.model in {"dynamic", "standard"} or top <= 0:
            return []
        edges = from_values(self.tier_rows) if len(self.tier_rows) > 1 else []
        return curve(self.model, self.properties(), currency=self.currency, units=top, edges=edges)

    @property
    def by_event(self) -> bool:
        """Whether the number of events matters for the price."""
        return self.model == "percentage"

    @property
    def example_units(self) -> str:
        """The units of the worked example: as typed, else one that reaches every tier."""
        if self.row.get("example_units"):
            return str(self.row["example_units"])
        if len(self.tier_rows) > 1:
            # A quarter beyond where the last tier begins, so that the example shows every tier.
            return plain(((from_values(self.tier_rows)[-1] - 1) * Decimal("1.25")).to_integral_value())
        return "1,000"

    @property
    def example_events(self) -> str:
        """The events of the worked example."""
        return str(self.row.get("example_events") or "100")
