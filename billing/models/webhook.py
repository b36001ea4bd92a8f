"""What happened, for others to hear of: written in the transaction in which it happened, with a row for each endpoint
that is to be told.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, Func, OuterRef, Q, Value

from billing.orm.exact_json import ExactJSONField
from billing.orm.scoped import Kept, KeptQuerySet, Scoped, ScopedQuerySet

NUMBERS = "billing_webhook_delivery_number"  # the sequence behind WebhookDelivery.number


class EmittedEvent(Scoped):
    """One event (`customer.created`) with what it says: its subject as the API shows it. Never changed."""

    PREFIX = "hook"

    name = models.CharField(max_length=60)
    subject_id = models.UUIDField()
    data = ExactJSONField()
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["organization", "-at", "-id"], name="emitted_by_time"),
            models.Index(fields=["subject_id", "-at"], name="emitted_by_subject"),
        ]

    def __str__(self) -> str:
        return self.name


class EndpointStatus(models.TextChoices):
    """Active ones are sent to, paused ones only collect, disabled ones do neither."""

    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    DISABLED = "disabled", "Disabled"


class EndpointQuerySet(KeptQuerySet):
    """Endpoints by what is done with them."""

    def collecting(self) -> Self:
        """Those for which deliveries are written."""
        return self.kept().exclude(status=EndpointStatus.DISABLED.value)


class WebhookEndpoint(Kept):
    """An address of the client company that is told of events.

    `events`: names of the catalogue, their synonyms, or `*`. `secret` is sealed; `previous_secret` signs beside it
    until `previous_until`. `failures` counts those in a row, the first of them at `failing_since`; nothing is sent
    before `rest_until`. `reason`: why the product itself paused or disabled it.
    """

    PREFIX = "whk"

    url = models.TextField()
    events = ArrayField(models.CharField(max_length=60))
    description = models.CharField(max_length=255, blank=True)
    status = models.CharField(
        max_length=10, choices=EndpointStatus.choices, default=EndpointStatus.ACTIVE.value
    )
    reason = models.CharField(max_length=255, blank=True)
    secret = models.BinaryField()
    previous_secret = models.BinaryField(null=True)
    previous_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    rest_until = models.DateTimeField(null=True)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = "webhook"

    def __str__(self) -> str:
        return self.url[:255]


class DeliveryState(models.TextChoices):
    """Waiting ones are sent when `next_attempt_at` has come."""

    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"


class DeliveryQuerySet(ScopedQuerySet):
    """Deliveries by what is due."""

    def waiting(self) -> Self:
        """Neither delivered nor given up."""
        return self.filter(state=DeliveryState.WAITING.value)

    def due(self, at: datetime) -> Self:
        """Those that may be sent now: of each object the earliest that waits, once its time has come. One that was
        delivered before and is replayed holds up nothing.
        """
        earlier = WebhookDelivery.objects.waiting().filter(
            endpoint=OuterRef("endpoint"),
            subject_id=OuterRef("subject_id"),
            number__lt=OuterRef("number"),
            delivered_at=None,
        )
        return self.waiting().filter(~Exists(earlier), next_attempt_at__lte=at)


class WebhookDelivery(Scoped):
    """One event for one endpoint, under the name that it asked for.

    `number` orders the deliveries of an object: those who write them hold its lock, so a later one has a greater
    number. `tries` counts since `due_from`, when it was written, replayed, or its endpoint taken up again;
    `delivered_at` is when it first arrived and stays when it is replayed.
    """

    PREFIX = "dlv"

    number = models.BigIntegerField(
        db_default=Func(Value(NUMBERS), function="nextval"), unique=True, editable=False
    )
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries", db_index=False
    )
    event = models.ForeignKey(EmittedEvent, on_delete=models.PROTECT, related_name="deliveries")
    name = models.CharField(max_length=60)
    subject_id = models.UUIDField()
    state = models.CharField(
        max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING.value
    )
    tries = models.PositiveSmallIntegerField(default=0)
    due_from = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()
    endpoint_id: UUID
    event_id: UUID

    class Meta:
        ordering: ClassVar = ["-number"]
        verbose_name = "delivery"
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["endpoint", "event", "name"], name="delivery_once_per_name"),
            models.CheckConstraint(
                condition=Q(state="waiting", next_attempt_at__isnull=False)
                | (~Q(state="waiting") & Q(next_attempt_at=None)),
                name="delivery_waits_for_a_moment",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["endpoint", "-number"], name="delivery_by_endpoint"),
            models.Index(
                fields=["endpoint", "subject_id", "number"],
                condition=Q(state="waiting"),
                name="delivery_in_order",
            ),
            models.Index(
                fields=["next_attempt_at", "endpoint"], condition=Q(state="waiting"), name="delivery_due"
            ),
            models.Index(fields=["created_at"], name="delivery_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.public_id}"


class WebhookAttempt(Scoped):
    """One try: what the receiver answered, or why there was no answer. `status_code` is None without one."""

    PREFIX = "att"

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="+", db_index=False)
    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    status_code = models.PositiveSmallIntegerField(null=True)
    duration_ms = models.PositiveIntegerField()
    error = models.CharField(max_length=300, blank=True)
    answer = models.TextField(blank=True)
    succeeded = models.BooleanField()

    class Meta:
        ordering: ClassVar = ["at", "id"]
        indexes: ClassVar = [models.Index(fields=["endpoint", "-at"], name="attempt_by_endpoint")]

    def __str__(self) -> str:
        return f"{self.delivery_id} {self.status_code or self.error}"
