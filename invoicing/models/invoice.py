"""Invoices: what we ask to be paid. A finalised invoice is a frozen copy; corrections are new documents."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KT

from billing.orm.fields import CurrencyField, ExactField, MinorField
from billing.orm.scoped import Scoped, ScopedQuerySet
from billing.rules.wallets import LAST_PRIORITY
from invoicing.models.printed import Printed
from invoicing.models.sequence import Numbered
from invoicing.rules.states import DisputeState, InvoiceStatus, PaymentStatus


class InvoiceType(models.TextChoices):
    """What gave rise to the invoice."""

    SUBSCRIPTION = "subscription", "Subscription"
    ONE_OFF = "one_off", "One-off"
    CREDIT = "credit", "Prepaid credits"
    PROGRESSIVE = "progressive_billing", "Progressive billing"
    ADVANCE = "advance_charges", "Charges in advance"


class InvoiceQuerySet(ScopedQuerySet):
    """Invoices by the business's questions."""

    def draft(self) -> InvoiceQuerySet:
        """Not yet issued."""
        return self.filter(status=InvoiceStatus.DRAFT.value)

    def finalized(self) -> InvoiceQuerySet:
        """Issued and not voided."""
        return self.filter(status=InvoiceStatus.FINALIZED.value)

    def creditable(self) -> InvoiceQuerySet:
        """Issued ones that a credit note can be made for, also when all of it has been credited."""
        return self.finalized().exclude(type=InvoiceType.CREDIT.value)

    def unpaid(self) -> InvoiceQuerySet:
        """Issued with something left to pay."""
        return self.finalized().exclude(payment_status=PaymentStatus.PAID.value)

    def overdue(self, on: date) -> InvoiceQuerySet:
        """Unpaid after the due date; what is in dispute is not."""
        return self.unpaid().filter(due_on__lt=on).exclude(dispute=DisputeState.OPEN.value)

    def disputed(self) -> InvoiceQuerySet:
        """Contested by their customers, with something left to pay."""
        return self.unpaid().filter(dispute=DisputeState.OPEN.value)

    def about(self, subscription: object) -> InvoiceQuerySet:
        """Those that have something of a subscription, also together with others."""
        from invoicing.models.invoiced_period import InvoicedPeriod  # it refers to invoices

        periods = InvoicedPeriod.objects.filter(subscription=subscription).values("invoice")
        lines = InvoiceLine.objects.filter(subscription=subscription).values("invoice")
        return self.filter(Q(pk__in=periods) | Q(pk__in=lines))

    def to_finalize(self, at: datetime) -> InvoiceQuerySet:
        """Drafts whose grace period is over."""
        return self.draft().filter(finalize_at__lte=at)


class Invoice(Numbered, Printed):
    """A demand for payment.

    total = lines - progressive - coupons + taxes - credit notes - wallet credits (checked by the database); what is
    still due is total - paid. `offset_minor` of what is paid was no money: a credit note of this invoice lowered what
    is due; `written_off_minor` of it was given up (`WriteOff`). `seller` and `buyer` are frozen copies made at
    finalisation. `finalize_at` ends the grace period of a draft. `number` comes from a locked counter at finalisation
    and never changes.
    """

    PREFIX = "inv"

    billing_entity = models.ForeignKey(
        "billing.BillingEntity", on_delete=models.PROTECT, related_name="invoices"
    )
    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="invoices")
    type = models.CharField(max_length=20, choices=InvoiceType.choices)
    status = models.CharField(
        max_length=12,
        choices=[(status.value, status.value) for status in InvoiceStatus],
        default=InvoiceStatus.DRAFT.value,
    )
    payment_status = models.CharField(
        max_length=20,
        choices=[(status.value, status.value) for status in PaymentStatus],
        default=PaymentStatus.PENDING.value,
    )
    number = models.CharField(max_length=60, blank=True)
    currency = CurrencyField()
    timezone = models.CharField(max_length=64, default="UTC")
    locale = models.CharField(max_length=10, default="en")
    issuing_on = models.DateField()
    due_on = models.DateField(null=True, blank=True)
    net_payment_term_days = models.PositiveSmallIntegerField(default=0)
    finalize_at = models.DateTimeField(null=True, blank=True)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)

    lines_minor = MinorField()
    progressive_minor = MinorField()
    coupons_minor = MinorField()
    taxes_minor = MinorField()
    credit_notes_minor = MinorField()
    wallet_credits_minor = MinorField()
    total_minor = MinorField()
    paid_minor = MinorField()
    offset_minor = MinorField()
    written_off_minor = MinorField()

    reverse_charge = models.BooleanField(default=False)
    custom_fields = models.JSONField(default=list, blank=True)
    customer_name = models.CharField(max_length=255)
    seller = models.JSONField(default=dict)
    buyer = models.JSONField(default=dict)
    purchase_order = models.CharField("purchase order number", max_length=255, blank=True)
    notes = models.TextField(max_length=5000, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    wallet = models.ForeignKey(
        "billing.Wallet", null=True, blank=True, on_delete=models.PROTECT, related_name="credit_invoices"
    )
    wallet_credits = ExactField(null=True, blank=True)
    wallet_priority = models.PositiveSmallIntegerField(default=LAST_PRIORITY)

    pdf = models.FileField(upload_to="invoices/", blank=True, max_length=255)
    void_pdf = models.FileField("voided PDF", upload_to="invoices/", blank=True, max_length=255)

    finalized_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    void_reason = models.CharField(max_length=500, blank=True)
    # The invoice that this one was made again from; it is done once.
    voided_invoice = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="regenerated"
    )
    dispute = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in DisputeState if state],
        default=DisputeState.NONE.value,
        db_default=DisputeState.NONE.value,
        blank=True,
    )
    disputed_at = models.DateTimeField(null=True, blank=True)
    dispute_reason = models.CharField(max_length=500, blank=True, db_default="")
    dispute_ended_at = models.DateTimeField(null=True, blank=True)
    # Whether `line_edits` of it count; most drafts have none, and bills need not ask.
    lines_edited = models.BooleanField(default=False, db_default=False)

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-issuing_on", "-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["billing_entity", "number"], condition=~Q(number=""), name="invoice_number"
            ),
            models.UniqueConstraint(
                fields=["organization", "series", "series_number"],
                include=["status"],
                condition=~Q(series=""),
                name="invoice_place_in_series",
            ),
            models.CheckConstraint(
                condition=Q(
                    total_minor=F("lines_minor")
                    - F("progressive_minor")
                    - F("coupons_minor")
                    + F("taxes_minor")
                    - F("credit_notes_minor")
                    - F("wallet_credits_minor")
                ),
                name="invoice_total_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(
                    lines_minor__gte=0,
                    progressive_minor__gte=0,
                    coupons_minor__gte=0,
                    taxes_minor__gte=0,
                    credit_notes_minor__gte=0,
                    wallet_credits_minor__gte=0,
                    total_minor__gte=0,
                    paid_minor__lte=F("total_minor"),
                    offset_minor__gte=0,
                    written_off_minor__gte=0,
                    paid_minor__gte=F("offset_minor") + F("written_off_minor"),
                ),
                name="invoice_amounts_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["finalized", "voided"], finalized_at__isnull=False) & ~Q(number="")
                | ~Q(status__in=["finalized", "voided"]) & Q(number=""),
                name="invoice_number_when_finalized",
            ),
            models.CheckConstraint(
                condition=Q(voided_at=None) | Q(status="voided"), name="invoice_voided_moment"
            ),
            models.CheckConstraint(
                condition=Q(dispute="", disputed_at=None) | ~Q(dispute="") & Q(disputed_at__isnull=False),
                name="invoice_disputed_moment",
            ),
            models.UniqueConstraint(
                F("wallet"),
                KT("metadata__transactionId"),
                condition=Q(wallet__isnull=False, metadata__has_key="transactionId"),
                name="wallet_invoice_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "-issuing_on", "-created_at"], name="invoice_list"),
            models.Index(fields=["organization", "status", "payment_status"], name="invoice_by_status"),
            models.Index(fields=["finalize_at"], condition=Q(status="draft"), name="invoice_to_finalize"),
            models.Index(fields=["organization", "number"], name="invoice_by_number"),
            # Who owes how much, and since when, without reading the invoices.
            models.Index(
                fields=["organization", "customer"],
                include=["currency", "total_minor", "paid_minor", "due_on", "dispute"],
                condition=Q(status="finalized") & ~Q(payment_status="paid"),
                name="invoice_unpaid",
            ),
        ]

    def __str__(self) -> str:
        return self.number or "Draft"

    @property
    def due_minor(self) -> int:
        """What is still to be paid; nothing on a draft or a voided invoice."""
        if self.status != InvoiceStatus.FINALIZED.value:
            return 0
        return self.total_minor - self.paid_minor

    @property
    def in_dispute(self) -> bool:
        """Whether the customer contests what is still to be paid."""
        return self.dispute == DisputeState.OPEN.value and self.due_minor > 0

    @property
    def received_minor(self) -> int:
        """The money that came in for it."""
        return self.paid_minor - self.offset_minor - self.written_off_minor

    @property
    def subtotal_minor(self) -> int:
        """Lines less what is billed already and coupons: the taxable amount."""
        return self.lines_minor - self.progressive_minor - self.coupons_minor


class LineKind(models.TextChoices):
    """What a line bills."""

    SUBSCRIPTION = "subscription", "Subscription fee"
    CHARGE = "charge", "Usage"
    TRUE_UP = "true_up", "Minimum spend"
    COMMITMENT = "commitment", "Minimum commitment"
    FIXED_CHARGE = "fixed_charge", "Fixed charge"
    ONE_OFF = "one_off", "Item"
    CREDIT = "credit", "Prepaid credits"


class InvoiceLine(Scoped):
    """A line: units at a unit price. `steps` is how the amount came about; `taxes` the frozen rates
    [{"code", "name", "rate"}]; `coupon_minor` the line's share of the coupons;
    `progressive_minor` what progressive invoices have asked for already; `charge_filter` {"values",
    "invoice_display_name"} and `charge_group` {key: value or null} tell which part of a charge it bills. `line_key`
    says what it is (invoicing/rules/adjusting.py): a draft computed anew keeps the ids of its lines by it. `edited`:
    what a line that was corrected by hand would be without, {"description", "units", "unit_amount", "amount_minor"},
    with "added" where there would be none.
    """

    PREFIX = "line"

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    subscription = models.ForeignKey(
        "billing.Subscription", null=True, on_delete=models.PROTECT, related_name="+"
    )
    charge = models.ForeignKey("billing.Charge", null=True, on_delete=models.PROTECT, related_name="+")
    add_on = models.ForeignKey("billing.AddOn", null=True, on_delete=models.PROTECT, related_name="+")
    fixed_charge = models.ForeignKey(
        "billing.FixedCharge", null=True, on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(max_length=12, choices=LineKind.choices)
    position = models.PositiveIntegerField()
    group = models.CharField(max_length=255, blank=True)
    description = models.CharField(max_length=1000)
    units = ExactField()
    unit_amount = ExactField()
    amount_minor = MinorField()
    progressive_minor = MinorField()
    coupon_minor = ExactField(default=0)
    tax_rate = models.DecimalField(max_digits=9, decimal_places=5, default=0)
    tax_minor = MinorField()
    taxes = models.JSONField(default=list)
    events_count = models.BigIntegerField(null=True)
    steps = models.JSONField(default=list)
    period_start = models.DateTimeField(null=True)
    period_end = models.DateTimeField(null=True)
    charge_filter = models.JSONField(null=True)
    charge_group = models.JSONField(null=True)
    line_key = models.UUIDField(null=True)
    edited = models.JSONField(null=True)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "position"], name="line_position"),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="line_amount_not_negative"),
            models.CheckConstraint(
                condition=Q(progressive_minor__gte=0, progressive_minor__lte=F("amount_minor")),
                name="line_progressive_within_amount",
            ),
        ]

    def __str__(self) -> str:
        return self.description


class InvoiceTax(Scoped):
    """One row of the tax table. The amounts add up to the invoice's taxes. The category is `billing.Tax`'s."""

    PREFIX = "itx"

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="tax_rows")
    name = models.CharField(max_length=100)
    code = models.CharField(max_length=50)
    rate = models.DecimalField(max_digits=7, decimal_places=4)
    base_minor = MinorField()
    amount_minor = MinorField()
    category = models.CharField(max_length=2, blank=True)
    exemption_code = models.CharField(max_length=60, blank=True)
    exemption_reason = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "code", "rate"], name="tax_row_once"),
        ]

    def __str__(self) -> str:
        return self.name


class DeductionKind(models.TextChoices):
    """What lowered an invoice besides its lines."""

    PROGRESSIVE = "progressive", "Billed already"
    COUPON = "coupon", "Coupon"
    CREDIT_NOTE = "credit_note", "Credit note"
    WALLET = "wallet", "Prepaid credits"


# Those that lower what is taxed, in the order in which they are taken off.
BEFORE_TAX = (DeductionKind.PROGRESSIVE.value, DeductionKind.COUPON.value)


class InvoiceDeduction(Scoped):
    """What a progressive invoice has billed already or a coupon (before tax), a credit note or wallet credits (after
    tax): used on an invoice."""

    PREFIX = "ded"

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="deductions")
    kind = models.CharField(max_length=12, choices=DeductionKind.choices)
    label = models.CharField(max_length=255)
    amount_minor = MinorField()
    applied_coupon = models.ForeignKey(
        "billing.AppliedCoupon", null=True, on_delete=models.PROTECT, related_name="deductions"
    )
    credit_note = models.ForeignKey(
        "invoicing.CreditNote", null=True, on_delete=models.PROTECT, related_name="uses"
    )
    wallet = models.ForeignKey("billing.Wallet", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["kind", "created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="deduction_positive"),
        ]

    def __str__(self) -> str:
        return self.label
