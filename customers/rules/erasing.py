"""What becomes of a customer's personal data when it is erased: every table, every column that holds text.

Laws. What the law wants kept stays as it is: issued documents with everything that explains and settles them. What
only served to know, reach or recall the customer goes. Of what happened it stays known that it did and when, not
about whom. Nothing is left out: a table or a column of text that stands neither here nor in `APART` fails a test.

The table is used by the action and shown in the preview, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

ERASED_TEXT = "Erased"
RANDOM = object()  # in the place of a value: a random one, where a column has to be unique


class Fate(StrEnum):
    """What becomes of rows."""

    ERASED = "erased"  # the columns in `put` are emptied
    REMOVED = "removed"  # the rows go, with their files
    KEPT = "kept"
    SEARCHED = (
        "searched"  # nothing ties them to a customer: the columns in `put` are emptied where they name it
    )


@dataclass(frozen=True)
class Table:
    """A table. `ties` are the ways from a row to its customer, `put` what stands in place of erased columns, `kept`
    the columns of text that stay.
    """

    kind: str
    fate: Fate
    ties: tuple[str, ...] = ("customer",)
    put: Mapping[str, Any] = field(default_factory=dict)
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A line of the preview: its title, what becomes of it and why, and the table whose rows are counted (none: they
    are found when it is done).
    """

    title: str
    words: str
    counted: str = ""
    kept: bool = False


LAW = "The law wants them kept, as they were issued."
KINDS: dict[str, Kind] = {
    "details": Kind(
        "Name and details",
        "Names, e-mails, phone, addresses, tax numbers, tags, own fields and metadata go. The country and the "
        "settings for billing stay.",
        "customers.Customer",
    ),
    "notes": Kind("Notes", "They are removed.", "customers.Note"),
    "mails": Kind(
        "E-mails",
        "Addresses, subject and text go. That one was sent, and when, stays.",
        "invoicing.Mail",
    ),
    "methods": Kind(
        "Saved payment methods", "Providers are asked to forget them.", "invoicing.PaymentMethod"
    ),
    "providers": Kind(
        "Accounts at payment providers",
        "What they were told goes. The id there goes once the customer is deleted there.",
        "invoicing.ProviderLink",
    ),
    "portal": Kind("Portal links", "They are removed.", "customers.PortalLink"),
    "requests": Kind(
        "Payment requests and links to pay",
        "Links to pay end, notes and reasons go.",
        "invoicing.PaymentRequest",
    ),
    "statements": Kind("Printed statements of account", "They are removed.", "customers.StatementFile"),
    "vat": Kind(
        "VAT checks",
        "Those whose number stands on no document go.",
        "customers.VatCheck",
    ),
    "subscriptions": Kind(
        "Subscriptions and wallets",
        "Their names and metadata go. IDs, terms and prices stay.",
        "billing.Subscription",
    ),
    "trail": Kind(
        "Activity log",
        "Names, values in words and reasons go. Who did what, and when, stays.",
        "billing.AuditEntry",
    ),
    "events": Kind("Events for webhooks", "What they said goes. That they were sent stays."),
    "logs": Kind(
        "API log, kept answers, jobs, searches and exported files",
        "Whatever names the customer is emptied. Exported files are removed.",
    ),
    "invoices": Kind("Invoices", LAW, "invoicing.Invoice", kept=True),
    "credit_notes": Kind("Credit notes", LAW, "invoicing.CreditNote", kept=True),
    "receipts": Kind("Receipts", LAW, "invoicing.Receipt", kept=True),
    "payments": Kind(
        "Payments and refunds",
        "They prove how the documents were paid, with their references.",
        "invoicing.Payment",
        kept=True,
    ),
    "credits": Kind(
        "Entries of wallets",
        "The ledger explains what invoices took from credits; its entries never change.",
        "billing.WalletEntry",
        kept=True,
    ),
    "usage": Kind(
        "Usage events",
        "They are the evidence of what was billed, with the IDs and properties that they came with.",
        "billing.UsageHour",
        kept=True,
    ),
    "checks": Kind(
        "VAT checks behind documents",
        "They prove why no VAT was charged.",
        kept=True,
    ),
}

SUBSCRIPTION, WALLET, INVOICE = ("subscription__customer",), ("wallet__customer",), ("invoice__customer",)
E, R, K, S = Fate.ERASED, Fate.REMOVED, Fate.KEPT, Fate.SEARCHED

TABLES: dict[str, Table] = {
    # The customer and what was written down about it.
    "customers.Customer": Table(
        "details",
        E,
        ("pk", "merged_into"),
        dict.fromkeys(
            (
                *("first_name", "last_name", "email", "phone", "url", "einvoice_email", "peppol_id"),
                *("legal_name", "legal_number", "tax_id", "vat_validation_disabled_reason"),
                *("address_line1", "address_line2", "postal_code", "city", "state"),
                *("shipping_line1", "shipping_line2", "shipping_postal_code", "shipping_city"),
                *("shipping_state", "shipping_country", "search_text"),
            ),
            "",
        )
        | {"name": ERASED_TEXT, "external_id": RANDOM}  # `tombstone` and the id stand there instead
        | {"tax_identifiers": {}, "tag_ids": [], "custom_fields": {}, "metadata": {}, "search_grams": []},
        ("timezone", "locale", "country", "disabled_providers"),
    ),
    "customers.OwnValue": Table("details", K, kept=("code", "value")),  # emptied by the trigger on customers
    "customers.Note": Table("notes", R, put={"author_label": "", "text": ""}),
    "customers.PortalLink": Table("portal", R, put={"token_hash": "", "created_by": ""}),
    "customers.StatementFile": Table("statements", R, put={"digest": "", "pdf": ""}),
    "customers.VatCheck": Table(
        "vat",
        R,
        put={
            "number": "",
            "name": "",
            "address": "",
            "reference": "",
            "reason": "",
            "fault": "",
            "actor": "",
        },
    ),
    "customers.Merge": Table(
        "details", E, ("source", "target"), {"fields": {}}, ("strategy", "counts", "actor_label")
    ),
    "customers.NotDuplicate": Table("details", R, ("first", "second")),
    "customers.BulkRow": Table("logs", E, put={"note": "", "before": {}}),
    "customers.BulkRun": Table("logs", S, (), {"params": {}, "query": ""}, ("act", "actor_label")),
    # Subscriptions, wallets, usage.
    "billing.Subscription": Table(
        "subscriptions", E, put={"name": "", "metadata": {}}, kept=("external_id",)
    ),
    "billing.Pause": Table("subscriptions", K, SUBSCRIPTION),
    "billing.UnitsChange": Table("subscriptions", K, SUBSCRIPTION, kept=("made_by",)),
    "billing.UsageThreshold": Table("subscriptions", E, SUBSCRIPTION, {"name": ""}),
    "billing.ThresholdPassing": Table("subscriptions", K, SUBSCRIPTION),
    "billing.UsageActivity": Table("subscriptions", K, SUBSCRIPTION),
    "billing.Alert": Table("subscriptions", E, (*SUBSCRIPTION, *WALLET), {"name": ""}, ("code", "steps")),
    "billing.AlertCrossing": Table(
        "subscriptions", K, ("alert__subscription__customer", "alert__wallet__customer"), kept=("crossed",)
    ),
    "billing.PlanVersion": Table("subscriptions", K, SUBSCRIPTION, kept=("terms", "replaced_by")),
    "billing.PriceMove": Table("subscriptions", K, SUBSCRIPTION),
    "billing.PriceChangeRow": Table("subscriptions", E, SUBSCRIPTION, {"note": ""}),
    "billing.AppliedCoupon": Table("subscriptions", K),
    "billing.Wallet": Table("subscriptions", E, put={"name": ""}, kept=("fee_types", "metric_ids")),
    "billing.WalletActivity": Table("subscriptions", K),
    "billing.TopUpSchedule": Table("subscriptions", E, WALLET, {"name": ""}, ("fired",)),
    "billing.WalletEntry": Table("credits", K, WALLET, kept=("reason", "key")),
    "billing.WalletLot": Table("credits", K, WALLET),
    "billing.WalletUse": Table("credits", K, ("entry__wallet__customer",)),
    "billing.Event": Table(
        "usage",
        K,
        SUBSCRIPTION,
        kept=("external_subscription_id", "transaction_id", "text_value", "properties", "content_hash"),
    ),
    "billing.UsageHour": Table("usage", K, SUBSCRIPTION, kept=("facet",)),
    "billing.AdvanceEvent": Table("usage", K, SUBSCRIPTION),
    "billing.AdvanceFee": Table(
        "usage", K, SUBSCRIPTION, kept=("transaction_id", "part", "charge_filter", "charge_group", "steps")
    ),
    "billing.LateEvent": Table("usage", K, SUBSCRIPTION),
    "billing.QuarantinedEvent": Table(  # never billed
        "subscriptions",
        R,
        SUBSCRIPTION,
        dict.fromkeys(("external_subscription_id", "code", "transaction_id"), "")
        | {"properties": {}, "content_hash": b""},
    ),
    # Documents and money.
    "invoicing.Invoice": Table(
        "invoices",
        K,
        kept=(
            *("series", "number", "timezone", "locale", "custom_fields", "customer_name", "seller", "buyer"),
            *("purchase_order", "notes", "metadata", "pdf", "void_pdf", "void_reason", "dispute_reason"),
        ),
    ),
    "invoicing.InvoiceLine": Table(
        "invoices",
        K,
        INVOICE,
        kept=("group", "description", "taxes", "steps", "charge_filter", "charge_group", "edited"),
    ),
    "invoicing.InvoiceTax": Table(
        "invoices", K, INVOICE, kept=("name", "code", "category", "exemption_code", "exemption_reason")
    ),
    "invoicing.InvoiceDeduction": Table("invoices", K, INVOICE, kept=("label",)),
    "invoicing.InvoicedPeriod": Table("invoices", K, SUBSCRIPTION),
    "invoicing.LineEdit": Table(
        "invoices", K, INVOICE, kept=("name", "charge_filter", "charge_group", "tax_ids")
    ),
    "invoicing.InvoiceSeal": Table("invoices", K, INVOICE, kept=("sha256", "parts")),
    "invoicing.UsageReading": Table("invoices", K, ("period__subscription__customer",), kept=("snapshot",)),
    "invoicing.WriteOff": Table("invoices", K, INVOICE, kept=("reason", "key")),
    "invoicing.Outstanding": Table("invoices", K),
    "invoicing.InvoiceReview": Table("requests", E, INVOICE, {"note": ""}, ("reviewer_label",)),
    "invoicing.InvoiceRunRow": Table("logs", E, INVOICE, {"note": ""}, ("label",)),
    "invoicing.InvoiceRun": Table(
        "logs", S, (), {"params": {}, "query": ""}, ("act", "actor_label", "key", "file")
    ),
    "invoicing.CreditNote": Table(
        "credit_notes",
        K,
        kept=(
            *("series", "number", "reason", "description", "customer_name", "items", "taxes", "key"),
            *("void_reason", "pdf", "void_pdf"),
        ),
    ),
    "invoicing.Receipt": Table(
        "receipts",
        K,
        kept=(
            *("series", "number", "timezone", "locale", "items", "provider", "reference", "customer_name"),
            *("seller", "buyer", "pdf"),
        ),
    ),
    "invoicing.Payment": Table("payments", K, kept=("provider", "reference", "key")),
    "invoicing.Refund": Table(
        "payments",
        K,
        ("payment__customer", "remittance__customer"),
        kept=("reason", "reference", "external_id", "failure", "key"),
    ),
    "invoicing.Remittance": Table("payments", K, kept=("provider", "reference", "key")),
    "invoicing.RemittanceReturn": Table(
        "payments", K, ("remittance__customer",), kept=("reason", "reference", "key")
    ),
    "invoicing.PaymentAttempt": Table(
        "payments",
        E,
        put={"url": "", "note": ""},
        kept=("reason", "key", "external_id", "money_id", "problem"),
    ),
    "invoicing.ProviderEvent": Table(
        "payments", K, ("attempt__customer",), kept=("event_id", "name", "reference")
    ),
    # How it was reached, and asked to pay.
    "invoicing.Mail": Table(
        "mails",
        E,
        put={"to": [], "cc": [], "bcc": [], "subject": ERASED_TEXT, "text": "", "html": "", "error": ""},
        kept=("sender_name", "reply_to", "language", "attachments", "by_label", "key"),
    ),
    "invoicing.PaymentRequest": Table(
        "requests", E, put={"note": "", "token": RANDOM}, kept=("language", "key")
    ),
    "invoicing.RequestedInvoice": Table("requests", K, INVOICE),
    "invoicing.DunningChoice": Table("requests", E, put={"reason": ""}, kept=("by_label",)),
    "invoicing.DunningCase": Table("requests", K),
    "invoicing.DunningAct": Table("requests", E, ("case__customer",), {"note": ""}, ("subscriptions",)),
    "invoicing.ProviderLink": Table(
        "providers", E, put={"sent": {}, "drift": {}, "error": ""}, kept=("external_id",)
    ),
    "invoicing.PaymentMethod": Table(
        "methods",
        E,
        put={"holder": "", "mark": RANDOM, "brand": "", "last4": "", "expires_on": None},
        kept=("external_id",),
    ),
    "invoicing.MethodSetup": Table(
        "methods", E, put={"reason": "", "external_id": "", "url": "", "next_at": None}, kept=("key",)
    ),
    # What was noted of acts and calls.
    "billing.AuditEntry": Table(
        "trail",
        E,
        put={"subject_label": ERASED_TEXT, "changes": {}, "reason": ""},
        kept=("action", "actor_kind", "actor_label", "subject_type"),
    ),
    "billing.EmittedEvent": Table("events", S, (), {"data": {}}, ("name",)),
    "billing.WebhookDelivery": Table("events", K, (), kept=("name",)),
    "billing.WebhookAttempt": Table("events", S, (), {"answer": ""}, ("error",)),
    "billing.ApiCall": Table(
        "logs",
        S,
        (),
        {"request_body": "(erased)", "response_body": "(erased)", "query": "", "path": ""},
        ("method", "route", "code", "request_id", "key_label", "address"),
    ),
    "billing.IdempotentCall": Table("logs", S, (), {"sealed": b""}, ("key", "place", "fingerprint")),
    "billing.Job": Table(
        "logs",
        S,
        (),
        {"label": ERASED_TEXT, "error": "", "steps": [], "args": []},
        ("task", "key"),
    ),
    "billing.Export": Table("logs", S, (), {"filters": {}}, ("content", "keys", "actor_label", "file")),
    "billing.SavedView": Table("logs", S, (), {"query": ""}, ("noun", "name", "columns")),
}

CATALOGUE = "What is sold, to everybody."
STAFF = "About staff and their keys."
OURS = "About the organization itself."
APART: dict[str, str] = {
    "billing.User": STAFF,
    "billing.Member": STAFF,
    "billing.ApiKey": STAFF,
    "billing.SignIn": STAFF,
    "billing.Metric": CATALOGUE,
    "billing.Plan": CATALOGUE,
    "billing.Charge": CATALOGUE,
    "billing.ChargePrice": CATALOGUE,
    "billing.PlanPrice": CATALOGUE,
    "billing.PriceChange": CATALOGUE,
    "billing.AddOn": CATALOGUE,
    "billing.AddOnPrice": CATALOGUE,
    "billing.FixedCharge": CATALOGUE,
    "billing.FixedChargePrice": CATALOGUE,
    "billing.Coupon": CATALOGUE,
    "billing.Tax": CATALOGUE,
    "billing.Organization": OURS,
    "billing.BillingEntity": OURS,
    "billing.ClockMove": OURS,
    "billing.WebhookEndpoint": OURS,
    "invoicing.Sequence": OURS,
    "invoicing.DunningCampaign": OURS,
    "invoicing.DunningDefault": OURS,
    "invoicing.MailWording": OURS,
    "invoicing.PaymentProvider": OURS,
    "customers.Tag": OURS,
    "customers.CustomField": OURS,
}


def tombstone(sequence: int) -> str:
    """What an erased customer is called: by its number, which says nothing of it."""
    return f"Erased customer {sequence}"
