"""Tables of what we ask to be paid."""

from invoicing.models.credit_note import CreditNote
from invoicing.models.dunning import (
    CaseOutcome,
    DunningAct,
    DunningCampaign,
    DunningCase,
    DunningChoice,
    DunningDefault,
)
from invoicing.models.invoice import (
    BEFORE_TAX,
    DeductionKind,
    Invoice,
    InvoiceDeduction,
    InvoiceLine,
    InvoiceTax,
    InvoiceType,
    LineKind,
)
from invoicing.models.invoiced_period import InvoicedPeriod
from invoicing.models.line_edit import LineEdit
from invoicing.models.mail import Mail, MailKind, MailState
from invoicing.models.mail_wording import MailWording
from invoicing.models.outstanding import Outstanding
from invoicing.models.paying import PaymentAttempt, ProviderEvent
from invoicing.models.payment import RECEIVED, Payment, Refund
from invoicing.models.payment_method import MethodKind, MethodSetup, PaymentMethod
from invoicing.models.payment_request import PaymentRequest, RequestedInvoice, RequestOrigin
from invoicing.models.printed import PdfState, StoredCopy
from invoicing.models.provider import LinkState, PaymentProvider, ProviderLink, ProviderType
from invoicing.models.receipt import Receipt
from invoicing.models.remittance import Remittance, RemittanceReturn
from invoicing.models.review import InvoiceReview
from invoicing.models.run import InvoiceRun, InvoiceRunRow, RunOutcome
from invoicing.models.seal import InvoiceSeal
from invoicing.models.sequence import Numbered, Sequence
from invoicing.models.usage_reading import UsageReading
from invoicing.models.write_off import WriteOff, WriteOffKind

Document = Invoice | CreditNote | Receipt  # what is numbered, printed and sent

__all__ = [
    "BEFORE_TAX",
    "RECEIVED",
    "CaseOutcome",
    "CreditNote",
    "DeductionKind",
    "Document",
    "DunningAct",
    "DunningCampaign",
    "DunningCase",
    "DunningChoice",
    "DunningDefault",
    "Invoice",
    "InvoiceDeduction",
    "InvoiceLine",
    "InvoiceReview",
    "InvoiceRun",
    "InvoiceRunRow",
    "InvoiceSeal",
    "InvoiceTax",
    "InvoiceType",
    "InvoicedPeriod",
    "LineEdit",
    "LineKind",
    "LinkState",
    "Mail",
    "MailKind",
    "MailState",
    "MailWording",
    "MethodKind",
    "MethodSetup",
    "Numbered",
    "Outstanding",
    "Payment",
    "PaymentAttempt",
    "PaymentMethod",
    "PaymentProvider",
    "PaymentRequest",
    "PdfState",
    "ProviderEvent",
    "ProviderLink",
    "ProviderType",
    "Receipt",
    "Refund",
    "Remittance",
    "RemittanceReturn",
    "RequestOrigin",
    "RequestedInvoice",
    "RunOutcome",
    "Sequence",
    "StoredCopy",
    "UsageReading",
    "WriteOff",
    "WriteOffKind",
]
