"""Organizations own everything; billing entities are the legal issuers of their invoices."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from billing.orm.fields import CurrencyField
from billing.orm.scoped import Identified, Kept


class Organization(Identified):
    """A tenant. A sandbox organization has test keys and, later, a clock of its own."""

    PREFIX = "org"

    name = models.CharField(max_length=200)
    default_currency = CurrencyField(default="EUR")
    timezone = models.CharField(max_length=64, default="UTC")
    sandbox = models.BooleanField(default=False)
    clock_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(clock_at=None) | Q(sandbox=True), name="organization_clock_only_in_sandbox"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Address(models.Model):
    """A postal address, as columns of the row that has it."""

    address_line1 = models.CharField("address line 1", max_length=200, blank=True)
    address_line2 = models.CharField("address line 2", max_length=200, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    city = models.CharField(max_length=100, blank=True)
    state = models.CharField("state or region", max_length=100, blank=True)
    country = models.CharField(max_length=2, blank=True)

    class Meta:
        abstract = True


class Numbering(models.TextChoices):
    """The scope of an invoice series."""

    PER_BILLING_ENTITY = "per_billing_entity", "One series per billing entity"
    PER_CUSTOMER = "per_customer", "One series per customer"


class BillingEntity(Kept, Address):
    """The legal issuer: what stands as the seller on its invoices, and its defaults."""

    PREFIX = "ent"

    code = models.SlugField(max_length=50)
    name = models.CharField(max_length=200)
    legal_name = models.CharField(max_length=200, blank=True)
    legal_number = models.CharField(max_length=50, blank=True)
    tax_id = models.CharField("tax ID", max_length=50, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=50, blank=True)
    timezone = models.CharField(max_length=64, default="UTC")
    default_currency = CurrencyField(default="EUR")
    locale = models.CharField(max_length=10, default="en")
    logo = models.ImageField(upload_to="logos/", blank=True)
    brand_color = models.CharField(
        max_length=7,
        default="#0e6f7c",
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", "Use a colour such as #0e6f7c.")],
    )
    number_prefix = models.CharField(
        max_length=10,
        validators=[RegexValidator(r"^[A-Z0-9][A-Z0-9-]*$", "Use capital letters, digits and dashes.")],
    )
    numbering = models.CharField(
        max_length=20, choices=Numbering.choices, default=Numbering.PER_BILLING_ENTITY
    )
    net_payment_term_days = models.PositiveSmallIntegerField(default=30, validators=[MaxValueValidator(365)])
    grace_period_days = models.PositiveSmallIntegerField(default=3, validators=[MaxValueValidator(365)])
    invoice_footer = models.CharField(max_length=600, blank=True)
    payment_details = models.TextField(max_length=600, blank=True)
    is_default = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["-is_default", "name"]
        verbose_name_plural = "billing entities"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization"], condition=Q(is_default=True), name="one_default_billing_entity"
            ),
            models.UniqueConstraint(
                fields=["organization", "code"], condition=Q(deleted_at=None), name="billing_entity_code"
            ),
            models.CheckConstraint(
                condition=Q(deleted_at=None) | Q(is_default=False), name="default_billing_entity_is_kept"
            ),
        ]

    def __str__(self) -> str:
        return self.name
