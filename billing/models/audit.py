"""The audit trail and background jobs: what was done, by whom, and what is still being done."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.scoped import Scoped, ScopedQuerySet
from billing.rules.states import JobState


class AuditEntry(Scoped):
    """One act: who, when, what, and the values before and after. Never changed, but for what it says about a customer
    whose personal data is erased.

    `changes` is {field: [before, after]}; `subject_*` names the object as it was called then.
    """

    PREFIX = "aud"

    at = models.DateTimeField()
    action = models.CharField(max_length=60)
    actor_kind = models.CharField(max_length=10)
    actor_label = models.CharField(max_length=200)
    actor_user = models.ForeignKey(
        "billing.User", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    subject_type = models.CharField(max_length=40)
    subject_id = models.UUIDField()
    subject_label = models.CharField(max_length=255)
    customer = models.ForeignKey(
        "customers.Customer", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    changes = models.JSONField(default=dict)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [
            models.Index(fields=["organization", "-at"], name="audit_by_time"),
            models.Index(fields=["subject_id", "-at"], name="audit_by_subject"),
            models.Index(fields=["customer", "-at"], name="audit_by_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_label}"


class JobQuerySet(ScopedQuerySet):
    """Jobs by state."""

    def open(self) -> JobQuerySet:
        """Queued or running."""
        return self.filter(state__in=[JobState.QUEUED.value, JobState.RUNNING.value])


class Job(Scoped):
    """Background work that staff can see, that survives the loss of the broker, and that can be run again.

    `task` is the Celery task's name, `args` what it is called with; `subject_id` is the object it works on.
    `steps` is [{"name", "label", "state", "note"}], shown as progress. At most one open job per `key`.
    """

    PREFIX = "job"

    task = models.CharField(max_length=80)
    args = models.JSONField(default=list)
    key = models.CharField(max_length=200)
    label = models.CharField(max_length=255)
    subject_id = models.UUIDField()
    state = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in JobState],
        default=JobState.QUEUED.value,
    )
    steps = models.JSONField(default=list)
    error = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "key"],
                condition=Q(state__in=["queued", "running"]),
                name="one_open_job_per_key",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["queued_at"], condition=Q(state__in=["queued", "running"]), name="job_open"),
            models.Index(fields=["subject_id"], name="job_by_subject"),
        ]

    def __str__(self) -> str:
        return self.label
