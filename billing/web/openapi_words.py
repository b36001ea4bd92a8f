"""What the OpenAPI document says in words: the manners of the API, its groups, and the names of operations whose
address does not give one.
"""

from __future__ import annotations

MANNERS = {
    "Keys": """\
`Authorization: Bearer sk_live_…`, or `sk_test_…` of a sandbox. Keys are made under Developers > API keys and shown
once. They may be limited to scopes (`customers:read`, `invoices:write`; writing includes reading) and in time.""",
    "Answers": """\
An object is `{"data": {…}}`, a list `{"data": […], "meta": {…}}`. Names are camelCase; keys of metadata stay as they
were sent. Amounts are JSON numbers in major units, moments ISO 8601 in UTC, days ISO dates. Every answer carries an
`X-Request-Id`.""",
    "Errors": """\
`{"message", "error": {"code", "message", "errors": [{"field", "message"}], "requestId"}}`. `code` is for programs
and stays. 400 invalid, 401 no key, 403 scope, 404 unknown or somebody else's, 409 conflict, 412 changed meanwhile,
413 too large, 429 too many, 502 a provider has failed. A field that is not known is refused by its name.""",
    "Lists": """\
`limit` up to 100, and `page`, or `cursor` with the `meta.nextCursor` of the page before, which neither repeats nor
leaves out what comes in meanwhile. `sortBy` and `sortOrder`, in camelCase or snake_case. Words of filters may be in
any case.""",
    "Safe repeats": """\
`Idempotency-Key` on a POST: the same key with the same body answers what was answered first, with another body it is
409.""",
    "Changes at the same time": """\
Single objects have an `ETag`. A GET with `If-None-Match` answers 304 while the object is the same; a change or act
with `If-Match` is refused with 412 when it is another one by now.""",
    "Limits": """\
Each key has a number of calls a minute: `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` say how many
are left. Above it the answer is 429 with `Retry-After`.""",
    "Webhooks": """\
What happens is sent to your endpoints, signed: `webhook-signature` holds `v1,` and the HMAC-SHA256 of
`id.timestamp.body` with the endpoint's secret, as Standard Webhooks have it.""",
}
ABOUT = "One REST API for everything that the pages do.\n\n" + "\n\n".join(
    f"**{name}.** {text}" for name, text in MANNERS.items()
)
TAGS = {
    "Customers": "Who pays: their record, tax numbers, payment methods, statements, merging and deleting.",
    "Plans": "What is sold: plans, their prices, charges, versions of prices and thresholds.",
    "Billable metrics": "What is measured.",
    "Charges": "What usage costs, worked out before anybody pays it.",
    "Add-ons": "What is sold once, or by units within a plan.",
    "Coupons": "What lowers invoices.",
    "Taxes": "What is added to them.",
    "Events": "Usage, as it comes.",
    "Subscriptions": "Customers on plans, through time.",
    "Wallets": "Prepaid credits.",
    "Alerts": "What tells when usage or a balance crosses a value.",
    "Invoices": "Drafts, issued invoices, previews, and why an amount is what it is.",
    "Payments": "Money that came, went back, was asked for, and at which providers.",
    "Credit notes": "What is given back of an invoice.",
    "Payment providers": "Accounts at payment providers.",
    "Dunning": "How overdue customers are chased.",
    "Webhooks": "What is told to other systems.",
    "Analytics": "The figures of the first page.",
    "Organization": "The organization of the key.",
    "API keys": "Who may call, what, and how often.",
    "Exports": "Lists as files, written in the background.",
    "Tags": "Marks of customers.",
    "Custom fields": "Fields of the organization's own.",
    "Sandbox clock": "The time of a sandbox.",
}
WAYS = {
    "GET /api/analytics/churn": "getChurn",
    "GET /api/analytics/customers": "getCustomerFigures",
    "GET /api/analytics/mrr": "getRecurringRevenue",
    "GET /api/analytics/payments": "getPaymentFigures",
    "GET /api/analytics/revenue": "getRevenue",
    "GET /api/analytics/subscriptions": "getSubscriptionFigures",
    "POST /api/billable-metrics/evaluate-expression": "evaluateExpression",
    "POST /api/charges/preview": "previewCharge",
    "POST /api/clock": "moveClock",
    "DELETE /api/coupons/applied/{id}": "removeAppliedCoupon",
    "GET /api/customers/external/{reference}": "getCustomerByReference",
    "POST /api/customers/bulk": "createCustomers",
    "POST /api/customers/merge": "mergeCustomers",
    "POST /api/customers/{id}/corrective-invoices/review": "reviewCorrectiveInvoices",
    "DELETE /api/customers/{id}/corrective-invoices/{invoice_id}/review": "undoCorrectiveInvoiceReview",
    "GET /api/customers/{id}/corrective-invoices": "listCorrectiveInvoices",
    "POST /api/customers/{id}/mode": "setCustomerMode",
    "POST /api/customers/{id}/type": "setCustomerType",
    "POST /api/customers/{id}/payment-providers": "setCustomerPaymentProviders",
    "POST /api/customers/{id}/payment-methods/{method_id}/default": "chooseCustomerPaymentMethod",
    "POST /api/customers/{id}/payment-methods/setup": "setUpCustomerPaymentMethod",
    "POST /api/customers/{id}/payments": "receiveCustomerPayment",
    "POST /api/customers/{id}/portal-link": "createCustomerPortalLink",
    "GET /api/customers/{id}/usage/past": "listCustomerPastUsage",
    "POST /api/events": "createEvent",
    "POST /api/events/batch": "createEvents",
    "GET /api/invoices/{id}/explain": "explainInvoice",
    "POST /api/invoices/preview": "previewInvoices",
    "POST /api/invoices/{id}/mark-paid": "markInvoicePaid",
    "POST /api/invoices/{id}/write-off": "writeOffInvoice",
    "POST /api/invoices/{id}/undo-write-off": "undoInvoiceWriteOff",
    "GET /api/payments/{id}/receipt": "getReceiptOfPayment",
    "POST /api/plans/{ref}/price-effect": "previewPlanPrices",
    "POST /api/remittances/{id}/use": "useRemittance",
    "PUT /api/subscriptions/{id}": "replaceSubscription",
    "POST /api/subscriptions/{id}/change-plan": "changeSubscriptionPlan",
    "POST /api/subscriptions/{id}/change-plan/preview": "previewSubscriptionPlanChange",
    "POST /api/subscriptions/{id}/fixed-charges": "setSubscriptionUnits",
    "POST /api/subscriptions/{id}/keep-plan": "keepSubscriptionPlan",
    "GET /api/subscriptions/{id}/usage": "getSubscriptionUsage",
    "GET /api/subscriptions/{id}/thresholds": "getSubscriptionThresholds",
    "GET /api/plans/{ref}/thresholds": "getPlanThresholds",
    "POST /api/wallets/{id}/top-up": "topUpWallet",
    "POST /api/webhooks/{id}/rotate-secret": "rotateWebhookSecret",
}
