"""Dunning: campaigns, who has which, and how far each customer has come."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from billing.orm.fields import CurrencyField
from billing.orm.scoped import Kept, Scoped, ScopedQuerySet
from invoicing.rules.dunning import Progress, Step, StepKind, Terms


class DunningCampaign(Kept):
    """How customers who do not pay are chased. `thresholds` is {currency: minor units}, `escalation`
    [{"day", "kind": charge | pause | terminate}]; the laws stand in `invoicing/rules/dunning.py`. One that is not
    `active` chases nobody.
    """

    PREFIX = "dcmp"

    name = models.CharField(max_length=100)
    code = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    active = models.BooleanField(default=False)
    thresholds = models.JSONField(default=dict)
    first_day = models.PositiveSmallIntegerField("first reminder after", default=0)
    days_between = models.PositiveSmallIntegerField("days between reminders", default=7)
    max_attempts = models.PositiveSmallIntegerField("reminders at most", default=3)
    escalation = models.JSONField(default=list, blank=True)
    bcc = models.JSONField(default=list, blank=True)

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                "organization", Lower("code"), condition=Q(deleted_at=None), name="dunning_campaign_code"
            ),
            models.CheckConstraint(
                condition=Q(days_between__gt=0, max_attempts__gt=0), name="dunning_campaign_positive"
            ),
            models.CheckConstraint(
                condition=Q(deleted_at=None) | Q(active=False), name="dunning_campaign_deleted_rests"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def terms(self) -> Terms:
        """What the rule looks at."""
        return Terms(
            self.thresholds,
            days_between=self.days_between,
            max_attempts=self.max_attempts,
            first_day=self.first_day,
            escalation=tuple(Step(row["day"], StepKind(row["kind"])) for row in self.escalation),
        )


class DunningDefault(Scoped):
    """The campaign of a billing entity's customers that have no choice of their own."""

    PREFIX = "ddef"

    billing_entity = models.OneToOneField(
        "billing.BillingEntity", on_delete=models.PROTECT, related_name="dunning"
    )
    campaign = models.ForeignKey(DunningCampaign, on_delete=models.PROTECT, related_name="defaults")

    def __str__(self) -> str:
        return str(self.campaign)


class DunningChoice(Scoped):
    """What a customer has instead of its billing entity's campaign: one of its own, or, while `stopped_at` is set, no
    chase at all. `by_label` is who decided.
    """

    PREFIX = "dcho"

    customer = models.OneToOneField(
        "customers.Customer", on_delete=models.PROTECT, related_name="dunning_choice"
    )
    campaign = models.ForeignKey(
        DunningCampaign, null=True, blank=True, on_delete=models.PROTECT, related_name="choices"
    )
    stopped_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    by_label = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return str(self.campaign or "")


class CaseOutcome(models.TextChoices):
    """Why a chase has ended."""

    PAID = "paid", "Nothing is overdue any more"
    CAMPAIGN = "campaign", "The campaign was changed or turned off"
    CUSTOMER = "customer", "The customer was deleted or merged"


class DunningCaseQuerySet(ScopedQuerySet):
    """Chases by where they stand."""

    def running(self) -> DunningCaseQuerySet:
        """Those that have not ended."""
        return self.filter(ended_at=None)


class DunningCase(Scoped):
    """One customer chased for what it owes in one currency: since `started_on`, `last_day` of the campaign was
    reached on `last_on`, `attempts` reminders were sent. The next step is due at `next_at`; there is none while the
    chase is held back or when all were done (`finished_at`). `failed`: a step failed; its job waits for staff.
    """

    PREFIX = "dcas"

    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="dunning_cases")
    campaign = models.ForeignKey(DunningCampaign, on_delete=models.PROTECT, related_name="cases")
    currency = CurrencyField()
    started_at = models.DateTimeField()
    started_on = models.DateField()
    last_day = models.PositiveSmallIntegerField(null=True, blank=True)
    last_on = models.DateField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True, blank=True)
    failed = models.BooleanField(default=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=CaseOutcome.choices, blank=True)

    objects = DunningCaseQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-started_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["customer", "currency"], condition=Q(ended_at=None), name="dunning_case_runs_once"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, outcome="") | Q(ended_at__isnull=False) & ~Q(outcome=""),
                name="dunning_case_outcome",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(next_at=None), name="dunning_case_ended_rests"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="dunning_case_due"),
            models.Index(
                fields=["organization", "campaign"], condition=Q(ended_at=None), name="dunning_case_running"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign}, {self.currency}"

    @property
    def progress(self) -> Progress:
        """What the rule looks at."""
        return Progress(self.started_on, self.last_day, self.last_on, self.attempts)


class DunningAct(Scoped):
    """A step of a case that was done, once per day of the campaign. `note` says what came of it, `subscriptions` are
    the ids of those that it has paused; `undone_at`: they go on since it was paid.
    """

    PREFIX = "dact"

    case = models.ForeignKey(DunningCase, on_delete=models.PROTECT, related_name="acts")
    day = models.PositiveSmallIntegerField()
    kind = models.CharField(
        max_length=10,
        choices=[
            ("remind", "Reminder"),
            ("charge", "Charge of saved methods"),
            ("pause", "Subscriptions paused"),
            ("terminate", "Subscriptions ended"),
        ],
    )
    at = models.DateTimeField()
    overdue_minor = models.BigIntegerField()
    note = models.CharField(max_length=500, blank=True)
    subscriptions = models.JSONField(default=list, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["at", "day"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "day"], name="dunning_act_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, day {self.day}"


def escalation_rows(steps: Any) -> list[dict[str, Any]]:
    """Further steps as they are kept."""
    return [{"day": step.day, "kind": step.kind.value} for step in steps]
