"""What stands beside the fields of a customer's form."""

from __future__ import annotations

HINTS = {
    "external_id": "The customer's ID in your own system.",
    "email": "Invoices are sent here.",
    "timezone": "Sets when billing periods begin.",
    "phone": "With country code, or as dialled in the customer's country.",
    "einvoice_email": "Where e-invoices go instead of the e-mail above.",
    "peppol_id": "Scheme and number, such as 0088:7300010000001.",
}
LABELS = {
    "timezone": "Time zone",
    "prefer_einvoice": "Send e-invoices where the country has them",
    "vat_validation_disabled": "Do not check this customer's VAT number",
    "vat_validation_disabled_reason": "Reason",
    "default_auto_top_up_enabled": "Top up wallets automatically",
}
YES_OR_NO = {
    "zero_amount_invoices": "Issue invoices over nothing",
    "email_invoices": "Send invoices by e-mail",
    "usage_annex": "Usage by day at the end of invoices",
}
