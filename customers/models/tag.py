"""Tags, and the fields that an organization adds to its customers."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower

from billing.orm.scoped import Scoped


class TagColor(models.TextChoices):
    """Names of token sets in `static/css/tokens.css`."""

    GREY = "grey", "Grey"
    TEAL = "teal", "Teal"
    BLUE = "blue", "Blue"
    GREEN = "green", "Green"
    AMBER = "amber", "Amber"
    RED = "red", "Red"
    VIOLET = "violet", "Violet"
    PINK = "pink", "Pink"


class Tag(Scoped):
    """A word to group customers by. Customers hold tags by id, so that a new name is new everywhere."""

    PREFIX = "tag"

    name = models.CharField(max_length=50)
    color = models.CharField(max_length=10, choices=TagColor.choices, default=TagColor.GREY)

    class Meta:
        ordering: ClassVar = [Lower("name")]
        constraints: ClassVar = [
            models.UniqueConstraint("organization", Lower("name"), name="tag_name"),
        ]

    def __str__(self) -> str:
        return self.name


class FieldKind(models.TextChoices):
    """What a custom field may hold."""

    TEXT = "text", "Text"
    NUMBER = "number", "Number"
    DATE = "date", "Date"
    BOOLEAN = "boolean", "Yes or no"
    CHOICE = "choice", "One of a list"
    URL = "url", "Link"


class CustomField(Scoped):
    """A field of customers that the organization defines. Values stand in `Customer.custom_fields` under `code`."""

    PREFIX = "fld"

    code = models.SlugField(max_length=50)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=FieldKind.choices, default=FieldKind.TEXT)
    choices = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    required = models.BooleanField(default=False)
    on_list = models.BooleanField(default=False)
    on_invoice = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "code"], name="custom_field_code"),
        ]

    def __str__(self) -> str:
        return self.name
