"""What is sold: billable metrics, plans and their charges."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from billing.orm.fields import CurrencyField, MinorField
from billing.orm.scoped import Kept
from billing.rules.filters import Matcher, Sorting
from billing.rules.periods import LONG, Interval

CODE_HELP = "Used by your systems. Lower-case letters, digits, dashes and underscores."


class Aggregation(models.TextChoices):
    """How events become units."""

    COUNT = "count", "Count"
    SUM = "sum", "Sum"
    MAX = "max", "Maximum"
    UNIQUE_COUNT = "unique_count", "Unique count"
    LATEST = "latest", "Latest"
    WEIGHTED_SUM = "weighted_sum", "Weighted sum"


class Rounding(models.TextChoices):
    """How the units of a metric are rounded before they are priced."""

    NONE = "", "Not rounded"
    ROUND = "round", "To the nearest"
    CEIL = "ceil", "Up"
    FLOOR = "floor", "Down"


class Metric(Kept):
    """A billable metric: which events count (`code`) and what is measured on them: the property `field_name`, or
    what `expression` computes when the event is taken in.

    `filters` [{"key", "values"}]: properties that charges may price apart. `dimensions`: the properties that
    divide its roll-ups, those of its filters and of the groups of its charges; `rolled`: all its hours are
    divided by them. `recurring`: what was used stays in use in the periods that follow, until events take it
    away. `rounding` to `rounding_precision` decimals (negative: tens, hundreds) happens before the price.
    """

    PREFIX = "met"

    name = models.CharField(max_length=100)
    code = models.SlugField(max_length=100, help_text=CODE_HELP)
    description = models.CharField(max_length=500, blank=True)
    aggregation = models.CharField(max_length=20, choices=Aggregation.choices)
    field_name = models.CharField(max_length=100, blank=True)
    expression = models.CharField(max_length=500, blank=True, default="")
    recurring = models.BooleanField(default=False)
    rounding = models.CharField(max_length=5, choices=Rounding.choices, default=Rounding.NONE, blank=True)
    rounding_precision = models.SmallIntegerField(
        default=0, validators=[MinValueValidator(-10), MaxValueValidator(15)]
    )

    filters = models.JSONField(default=list, blank=True)
    dimensions = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    rolled = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "billable metric"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "code"], condition=Q(deleted_at=None), name="metric_code"
            ),
            models.CheckConstraint(
                condition=Q(aggregation="count", field_name="", expression="")
                | (~Q(aggregation="count") & ~Q(field_name="", expression="")),
                name="metric_measures_unless_count",
            ),
            models.CheckConstraint(
                condition=Q(recurring=False) | Q(aggregation__in=["sum", "unique_count", "weighted_sum"]),
                name="metric_recurring_kinds",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def declared(self) -> dict[str, list[str]]:
        """{filter key: its allowed values}."""
        return {row["key"]: row["values"] for row in self.filters}

    @property
    def measures(self) -> str:
        """What is measured on an event, in a word; empty for a count."""
        return self.field_name or self.expression


class Plan(Kept):
    """A price for a period, and the charges for usage in it. Of a yearly or half-yearly one usage, or fixed charges,
    can be billed every month.
    """

    PREFIX = "pln"

    name = models.CharField(max_length=100)
    code = models.SlugField(max_length=100, help_text=CODE_HELP)
    description = models.CharField(max_length=500, blank=True)
    invoice_display_name = models.CharField(max_length=200, blank=True)
    interval = models.CharField(
        max_length=12,
        choices=[(interval.value, interval.value.title()) for interval in Interval],
        default=Interval.MONTHLY.value,
    )
    amount_minor = MinorField()
    currency = CurrencyField()
    pay_in_advance = models.BooleanField(default=False)
    trial_days = models.PositiveSmallIntegerField(default=0)
    bill_charges_monthly = models.BooleanField(default=False)
    bill_fixed_charges_monthly = models.BooleanField(default=False)
    # What a period brings at the least (0: nothing is promised); billing/rules/commitment.py.
    commitment_minor = MinorField()
    commitment_display_name = models.CharField(max_length=200, blank=True)
    # The number of the prices that count now; those before them are kept in PlanVersion.
    price_version = models.PositiveIntegerField(default=1)
    features = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    active = models.BooleanField(default=True)
    taxes = models.ManyToManyField("billing.Tax", blank=True, related_name="+")
    search_text = models.TextField(blank=True, editable=False)
    search_grams = ArrayField(models.CharField(max_length=3), default=list, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "code"], condition=Q(deleted_at=None), name="plan_code"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="plan_amount_not_negative"),
            models.CheckConstraint(condition=Q(commitment_minor__gte=0), name="plan_commitment_not_negative"),
            models.CheckConstraint(
                condition=Q(bill_charges_monthly=False, bill_fixed_charges_monthly=False)
                | Q(interval__in=[one.value for one in LONG]),
                name="plan_monthly_within_long_periods",
            ),
        ]
        indexes: ClassVar = [GinIndex(fields=["search_grams"], name="plan_search")]

    def __str__(self) -> str:
        return self.name

    @property
    def invoice_name(self) -> str:
        """What stands on an invoice."""
        return self.invoice_display_name or self.name

    @property
    def commitment_name(self) -> str:
        """What stands on an invoice for the rest to the minimum commitment."""
        return self.commitment_display_name or f"{self.invoice_name}, minimum commitment"


class Charge(Kept):
    """The price of a metric within a plan. `properties` are those of the charge model, checked by its rule.

    `filters` [{"values": {key: [value]}, "properties", "invoice_display_name"}], oldest first: prices of
    their own for some events; no values of a key mean all. `group_keys`: one line per distinct value of these
    properties. `prorated`: what stays in use counts for the days it was there.
    """

    PREFIX = "chg"

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="charges")
    metric = models.ForeignKey(Metric, on_delete=models.PROTECT, related_name="charges")
    position = models.PositiveSmallIntegerField(default=0)
    charge_model = models.CharField(max_length=30)
    properties = models.JSONField(default=dict)
    invoice_display_name = models.CharField(max_length=200, blank=True)
    filters = models.JSONField(default=list, blank=True)
    group_keys = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    prorated = models.BooleanField(default=False)
    pay_in_advance = models.BooleanField(default=False)
    invoiceable = models.BooleanField(default=True)
    min_amount_minor = MinorField()
    taxes = models.ManyToManyField("billing.Tax", blank=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["position", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(min_amount_minor__gte=0), name="charge_minimum_not_negative"),
            models.CheckConstraint(
                condition=Q(pay_in_advance=False, invoiceable=True)
                | Q(pay_in_advance=True, min_amount_minor=0),
                name="charge_in_advance_terms",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan}: {self.invoice_name}"

    @property
    def sorting(self) -> Sorting:
        """How the charge sorts the events of its metric into parts."""
        declared = self.metric.declared
        filters = tuple(Matcher.of(row["values"], declared) for row in self.filters)
        return Sorting(filters, tuple(self.group_keys))

    @property
    def invoice_name(self) -> str:
        """What stands on an invoice."""
        return self.invoice_display_name or self.metric.name
