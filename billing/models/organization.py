"""Organizations own everything; billing entities are the legal issuers of their invoices."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from billing.orm.fields import CurrencyField
from billing.orm.scoped import Identified, Kept


class SyncStrategy(models.TextChoices):
    """What happens to a change of a customer when a payment provider cannot take it over."""

    LOG = "log", "Keep the change and try again later"
    THROW = "throw", "Refuse the change"


class Organization(Identified):
    """A tenant. A sandbox organization has test keys and, later, a clock of its own.

    `vat_maintenance_*`: hours of the day (UTC) in which VIES is not asked; may run over midnight.
    `vat_override_days`: how long a manual override of a VAT check counts when nothing else is said.
    `require_two_factor`: members without a second factor open nothing but their own account.
    `api_rate_limit`: requests a minute for each of its API keys, where it is not the installation's; 0 for no limit.
    """

    PREFIX = "org"

    name = models.CharField(max_length=200)
    default_currency = CurrencyField(default="EUR")
    timezone = models.CharField(max_length=64, default="UTC")
    sandbox = models.BooleanField(default=False)
    clock_at = models.DateTimeField(null=True, blank=True)
    vat_validation_enabled = models.BooleanField("check VAT numbers with VIES", default=True)
    vat_maintenance_from = models.TimeField(null=True, blank=True)
    vat_maintenance_to = models.TimeField(null=True, blank=True)
    vat_override_days = models.PositiveSmallIntegerField(
        default=90, validators=[MinValueValidator(1), MaxValueValidator(365)]
    )
    provider_sync_strategy = models.CharField(
        max_length=8, choices=SyncStrategy.choices, default=SyncStrategy.LOG
    )
    require_two_factor = models.BooleanField("everyone must use two-factor sign-in", default=False)
    api_rate_limit = models.PositiveIntegerField("API requests a minute and key", null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(clock_at=None) | Q(sandbox=True), name="organization_clock_only_in_sandbox"
            ),
            models.CheckConstraint(
                condition=Q(vat_maintenance_from=None, vat_maintenance_to=None)
                | Q(vat_maintenance_from__isnull=False, vat_maintenance_to__isnull=False),
                name="vat_maintenance_has_both_ends",
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


class EInvoices(models.TextChoices):
    """Where e-invoices go."""

    FILES = "files", "As files beside the PDF"
    INSIDE = "inside", "Inside the PDF (Factur-X, ZUGFeRD)"


class BillingEntity(Kept, Address):
    """The legal issuer: what stands as the seller on its invoices, and its defaults.

    `consumer_*`: the payment term of consumers (none: as for everybody) and what the law wants them to read on an
    invoice. `taxes` apply to customers that have none of their own. `zero_amount_invoices`: whether an invoice
    over nothing is issued. `reminder_days` after the due date (below zero: before it) unpaid invoices are called to
    mind.
    """

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
    consumer_payment_term_days = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(365)]
    )
    consumer_notice = models.CharField(max_length=1000, blank=True)
    zero_amount_invoices = models.BooleanField(default=True)
    email_invoices = models.BooleanField(default=False)
    email_credit_notes = models.BooleanField(default=False)
    reminder_days = ArrayField(models.SmallIntegerField(), default=list, blank=True)
    email_receipts = models.BooleanField(default=False)
    e_invoices = models.CharField(
        "e-invoices", max_length=10, choices=EInvoices.choices, default=EInvoices.FILES
    )
    taxes = models.ManyToManyField("billing.Tax", blank=True, related_name="+")
    usage_annex = models.BooleanField(default=False)
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
