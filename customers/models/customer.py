"""Customers: the hub of everything else."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from billing.orm.fields import CurrencyField
from billing.orm.scoped import Kept, KeptQuerySet
from customers.rules import phones


class CustomerType(models.TextChoices):
    """Whom we bill."""

    BUSINESS = "business", "Business"
    CONSUMER = "consumer", "Consumer"
    UNKNOWN = "unknown", "Unknown"


class CustomerStatus(models.TextChoices):
    """Set by staff; nothing is billed differently."""

    ACTIVE = "active", "Active"
    INACTIVE = "inactive", "Inactive"


class BillingModel(models.TextChoices):
    """How charges are meant to be paid; nothing is computed differently yet."""

    PREPAID = "prepaid", "Prepaid"
    POSTPAID = "postpaid", "Postpaid"
    HYBRID = "hybrid", "Hybrid"


class Mode(models.TextChoices):
    """The guard on every debit of the customer's wallets."""

    PREPAID = "prepaid", "Prepaid"
    POSTPAID = "postpaid", "Postpaid"


class VatStatus(models.TextChoices):
    """What is known of the customer's VAT number."""

    UNVALIDATED = "unvalidated", "Not checked"
    PENDING = "pending", "Check pending"
    VALID = "valid", "Valid"
    INVALID = "invalid", "Invalid"
    MANUAL = "manual", "Confirmed by hand"


class Provider(models.TextChoices):
    """How this customer prefers to pay."""

    MANUAL = "manual", "Bank transfer or cash (recorded by hand)"
    STRIPE = "stripe", "Stripe"
    FLUTTERWAVE = "flutterwave", "Flutterwave"
    PAYSTACK = "paystack", "Paystack"
    MPESA = "mpesa", "M-Pesa"


class CustomerQuerySet(KeptQuerySet):
    """Customers by the questions of the doors."""

    def present(self) -> CustomerQuerySet:
        """Neither deleted nor being deleted: what the API shows from the moment that a deletion is asked for."""
        return self.filter(deleted_at=None, deleting_at=None)


class Customer(Kept):
    """Whom we bill. Deleted customers keep their row, because their documents stay; their external ID and
    e-mail may be used again. `deleting_at` is set while the deletion cascade runs, `erased_at` when its personal data
    was erased afterwards. An empty shipping address
    means the billing address. Empty settings (terms, locale, zero invoices, e-mail) are the billing entity's.
    `tax_id` is the number that documents show and that is checked; `tax_identifiers` are further ones by kind
    ({"us_ein": "…"}). `tag_ids` are Tags; `custom_fields` is {code of a CustomField: value}. `merged_into` is where
    the records of a merged duplicate went. `collect_automatically`: issued invoices are charged to a saved payment
    method without asking.
    """

    PREFIX = "cust"

    billing_entity = models.ForeignKey(
        "billing.BillingEntity", on_delete=models.PROTECT, related_name="customers"
    )
    sequence = models.PositiveIntegerField(editable=False)
    external_id = models.CharField("external ID", max_length=255)
    name = models.CharField(max_length=255, blank=True)
    customer_type = models.CharField(
        "type", max_length=12, choices=CustomerType.choices, default=CustomerType.UNKNOWN
    )
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=12, choices=CustomerStatus.choices, default=CustomerStatus.ACTIVE)
    email = models.EmailField("e-mail", blank=True)
    phone = models.CharField(max_length=50, blank=True)
    url = models.URLField("website", blank=True)
    currency = CurrencyField()
    timezone = models.CharField(max_length=64, blank=True)
    locale = models.CharField("document language", max_length=10, blank=True)
    einvoice_email = models.EmailField("e-invoice e-mail", blank=True)
    peppol_id = models.CharField("Peppol ID", max_length=60, blank=True)
    prefer_einvoice = models.BooleanField("prefers e-invoices", default=False)
    billing_model = models.CharField(
        max_length=10, choices=BillingModel.choices, default=BillingModel.POSTPAID
    )
    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.PREPAID)
    legal_name = models.CharField(max_length=255, blank=True)
    legal_number = models.CharField(max_length=100, blank=True)
    tax_id = models.CharField("tax ID", max_length=50, blank=True)
    tax_identifiers = models.JSONField(default=dict, blank=True)
    vat_status = models.CharField(
        "VAT status", max_length=12, choices=VatStatus.choices, default=VatStatus.UNVALIDATED, editable=False
    )
    vat_validation_disabled = models.BooleanField("no VAT checks", default=False)
    vat_validation_disabled_reason = models.CharField(max_length=255, blank=True)
    address_line1 = models.CharField("address line 1", max_length=200, blank=True)
    address_line2 = models.CharField("address line 2", max_length=200, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    city = models.CharField(max_length=100, blank=True)
    state = models.CharField("state or region", max_length=100, blank=True)
    country = models.CharField(max_length=2, blank=True)
    shipping_line1 = models.CharField("shipping address line 1", max_length=200, blank=True)
    shipping_line2 = models.CharField("shipping address line 2", max_length=200, blank=True)
    shipping_postal_code = models.CharField(max_length=20, blank=True)
    shipping_city = models.CharField(max_length=100, blank=True)
    shipping_state = models.CharField("shipping state or region", max_length=100, blank=True)
    shipping_country = models.CharField(max_length=2, blank=True)
    net_payment_term_days = models.PositiveSmallIntegerField(
        "payment term", null=True, blank=True, validators=[MaxValueValidator(365)]
    )
    grace_period_days = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(365)]
    )
    preferred_provider = models.CharField(
        "default payment provider", max_length=20, choices=Provider.choices, blank=True
    )
    disabled_providers = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    collect_automatically = models.BooleanField("automatic collection", default=False, db_default=False)
    zero_amount_invoices = models.BooleanField(null=True, blank=True)
    email_invoices = models.BooleanField(null=True, blank=True)
    usage_annex = models.BooleanField(null=True, blank=True)
    default_auto_top_up_enabled = models.BooleanField("automatic top-up", default=False)
    default_auto_top_up_minor = models.BigIntegerField("automatic top-up amount", null=True, blank=True)
    default_low_balance_minor = models.BigIntegerField("low balance", null=True, blank=True)
    default_max_balance_minor = models.BigIntegerField("maximum balance", null=True, blank=True)
    default_max_single_credit_minor = models.BigIntegerField("maximum single credit", null=True, blank=True)
    default_credit_limit_minor = models.BigIntegerField("credit limit", null=True, blank=True)
    tag_ids = ArrayField(models.UUIDField(), default=list, blank=True, editable=False)
    custom_fields = models.JSONField(default=dict, blank=True)
    merged_into = models.ForeignKey(
        "self", null=True, editable=False, on_delete=models.PROTECT, related_name="merged"
    )
    taxes = models.ManyToManyField("billing.Tax", blank=True, related_name="+")
    metadata = models.JSONField(default=dict, blank=True)
    deleting_at = models.DateTimeField(null=True, blank=True, editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)
    search_text = models.TextField(blank=True, editable=False)
    search_grams = ArrayField(models.CharField(max_length=3), default=list, editable=False)

    objects = CustomerQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "external_id"],
                condition=Q(deleted_at=None),
                name="customer_external_id",
            ),
            models.UniqueConstraint(
                "organization",
                Lower("email"),
                condition=Q(deleted_at=None) & ~Q(email=""),
                name="customer_email",
            ),
            models.UniqueConstraint(fields=["organization", "sequence"], name="customer_sequence"),
        ]
        indexes: ClassVar = [
            GinIndex(fields=["search_grams"], name="customer_search"),
            GinIndex(fields=["tag_ids"], name="customer_by_tag"),
            GinIndex(fields=["custom_fields"], opclasses=["jsonb_path_ops"], name="customer_by_custom_field"),
            GinIndex(fields=["metadata"], opclasses=["jsonb_path_ops"], name="customer_by_metadata"),
            # With the columns that the list filters by, so that it counts without reading the wide rows.
            models.Index(
                fields=["organization", "-created_at", "-id"],
                include=[
                    "country",
                    "currency",
                    "status",
                    "billing_entity",
                    "customer_type",
                    "vat_status",
                    "mode",
                    "deleting_at",
                ],
                condition=Q(deleted_at=None),
                name="customer_by_creation",
            ),
            models.Index(
                fields=["organization", "email", "id"], condition=Q(deleted_at=None), name="customer_by_email"
            ),
            models.Index(
                fields=["organization", "name", "id"], condition=Q(deleted_at=None), name="customer_by_name"
            ),
            models.Index(
                fields=["organization", "currency", "id"],
                condition=Q(deleted_at=None),
                name="customer_by_currency",
            ),
            # What few customers have is found at once: a country, a status, a VAT number that is wrong.
            models.Index(
                fields=["organization", "country", "currency"],
                condition=Q(deleted_at=None),
                name="customer_by_country",
            ),
            # Whether a customer that another table names counts, without reading the wide row.
            models.Index(
                fields=["organization", "id"],
                include=["currency"],
                condition=Q(deleted_at=None),
                name="customer_kept",
            ),
            # The exact total of the API.
            models.Index(
                fields=["organization"],
                condition=Q(deleted_at=None, deleting_at=None),
                name="customer_present",
            ),
            # Those whose personal data can still be erased.
            models.Index(
                fields=["organization", "-deleted_at"],
                condition=Q(deleted_at__isnull=False),
                name="customer_gone",
            ),
            models.Index(
                fields=["organization", "status"], condition=Q(deleted_at=None), name="customer_by_status"
            ),
            models.Index(
                fields=["organization", "vat_status"], condition=Q(deleted_at=None), name="customer_by_vat"
            ),
        ]

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        """What lists and documents call the customer."""
        person = f"{self.first_name} {self.last_name}".strip()
        return self.name or self.legal_name or person or self.email or self.external_id

    @property
    def phone_shown(self) -> str:
        """The phone number as people write it: +49 30 901820."""
        return phones.phone_shown(self.phone)
