"""Columns of the lists of invoices and credit notes. Status and number always stand first."""

from __future__ import annotations

from billing.rules.list_columns import Column

INVOICE_COLUMNS = (
    Column("customer", "Customer", sort="customer"),
    Column("type", "Type"),
    Column("entity", "Billing entity"),
    Column("issued", "Issued", sort="issued"),
    Column("due", "Due", sort="due"),
    Column("period", "Period"),
    Column("po", "Purchase order"),
    Column("payment", "Payment"),
    Column("paid_on", "Paid on"),
    Column("finalized", "Finalized"),
    Column("created", "Created", sort="created"),
    Column("net", "Before tax", num=True),
    Column("tax", "Tax", num=True),
    Column("amount", "Amount", num=True, sort="amount", narrow=True),
    Column("paid", "Paid", num=True),
    Column("amount_due", "Amount due", num=True),
)
INVOICE_USUAL = ("customer", "issued", "due", "amount", "amount_due")
INVOICE_SUMS = ("amount", "amount_due")  # what the foot of the table adds up

NOTE_COLUMNS = (
    Column("customer", "Customer", sort="customer"),
    Column("invoice", "Invoice", sort="invoice"),
    Column("entity", "Billing entity"),
    Column("issued", "Issued", sort="issued"),
    Column("reason", "Reason"),
    Column("net", "Before tax", num=True),
    Column("tax", "Tax", num=True),
    Column("amount", "Amount", num=True, sort="amount", narrow=True),
    Column("refund", "Refunded", num=True, sort="refund"),
    Column("offset", "Off its invoice", num=True),
    Column("used", "Used", num=True),
    Column("balance", "Available", num=True, sort="balance"),
)
NOTE_USUAL = ("customer", "invoice", "issued", "amount", "balance")
