"""Routes of invoicing; importing this package registers them."""

from billing.web.api import api
from invoicing.api.charging import router as charging
from invoicing.api.checkout import router as checkout
from invoicing.api.credit_notes import router as credit_notes
from invoicing.api.dunning_campaigns import router as dunning_campaigns
from invoicing.api.invoice_changes import invoices
from invoicing.api.invoice_preview import router as invoice_preview
from invoicing.api.payment_providers import router as payment_providers
from invoicing.api.payment_requests import router as payment_requests
from invoicing.api.payments import router as payments
from invoicing.api.receipts import of_payment
from invoicing.api.receipts import router as receipts
from invoicing.api.remittances import router as remittances

api.add_router("/invoices/preview", invoice_preview)  # before `{id}` would take the word for an id
api.add_router("/invoices", invoices)
api.add_router("/invoices", checkout)
api.add_router("/invoices", charging)
api.add_router("/payments", payments)
api.add_router("/payment-requests", payment_requests)
api.add_router("/payments", of_payment)
api.add_router("/payment-receipts", receipts)
api.add_router("/remittances", remittances)
api.add_router("/credit-notes", credit_notes)
api.add_router("/dunning-campaigns", dunning_campaigns)
api.add_router("/payment-providers", payment_providers)
