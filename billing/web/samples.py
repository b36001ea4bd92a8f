"""Examples of bodies and answers: made from the schemas, with values that look like those of one customer's life."""

from __future__ import annotations

from typing import Any

MOST_LEVELS = 9
ID = "01a21ef5c76c707e833da906c1e5c11a"
# What fields of these names look like; where the type of a field is another one, it is made from its schema.
VALUES: dict[str, Any] = {
    "email": "sarah@kampaltech.example",
    "name": "Nakato Sarah",
    "displayName": "Nakato Sarah",
    "customerName": "Nakato Sarah",
    "firstName": "Sarah",
    "lastName": "Nakato",
    "externalId": "usr_98765",
    "externalSubscriptionId": "usr_98765-pro",
    "code": "pro",
    "planCode": "pro",
    "metricCode": "api_calls",
    "addOnCode": "setup",
    "couponCode": "welcome",
    "currency": "UGX",
    "preferredCurrency": "UGX",
    "defaultCurrency": "UGX",
    "country": "UG",
    "city": "Kampala",
    "line1": "Plot 7, Lumumba Avenue",
    "postalCode": "00256",
    "timezone": "Africa/Kampala",
    "locale": "en",
    "language": "en",
    "phone": "+256312000000",
    "url": "https://example.com/hooks",
    "number": "ACM-202611-007",
    "invoiceNumber": "ACM-202611-007",
    "description": "Pro",
    "reason": "Agreed by phone",
    "note": "Agreed by phone",
    "reference": "TR-2041",
    "provider": "stripe",
    "taxId": "UG1000023456",
    "features": ["Support by e-mail"],
    "tags": ["vip"],
    "taxCodes": ["vat"],
    "message": "Not found.",
    "transactionId": "t-1",
    "last4": "4242",
    "brand": "visa",
    "label": "per unit",
    "kind": "units",
    "subject": "Invoice ACM-202611-007",
    "color": "teal",
    "to": ["sarah@kampaltech.example"],
    "bcc": ["billing@example.com"],
}
PREFIXES = {
    "customerId": "cust",
    "planId": "pln",
    "subscriptionId": "sub",
    "invoiceId": "inv",
    "paymentId": "pay",
    "walletId": "wal",
    "creditNoteId": "cn",
    "couponId": "cpn",
    "billableMetricId": "met",
    "metricId": "met",
    "addOnId": "add",
    "chargeId": "chg",
    "billingEntityId": "ent",
    "organizationId": "org",
}
# Of several words the one that is met most.
USUAL = ("finalized", "successful", "active", "ready", "accepted", "monthly", "standard", "business", "sent")
OWN = {
    "Customer": "cust",
    "Plan": "pln",
    "Subscription": "sub",
    "OwnSubscription": "sub",
    "Invoice": "inv",
    "Payment": "pay",
    "Wallet": "wal",
    "CreditNote": "cn",
    "Coupon": "cpn",
    "Metric": "met",
    "AddOn": "add",
    "Charge": "chg",
    "Tax": "tax",
    "Organization": "org",
    "Refund": "re",
}
# What stands in addresses: by the name of the part, or by the noun before it.
PATHS = {
    "ref": "pro",
    "reference": "usr_98765",
    "transaction_id": "t-1",
    "customers": "cust",
    "subscriptions": "sub",
    "invoices": "inv",
    "payments": "pay",
    "wallets": "wal",
    "credit-notes": "cn",
    "lines": "line",
    "charges": "chg",
    "prices": "ppr",
    "alerts": "alr",
    "payment-methods": "pmt",
    "payment-providers": "ppv",
    "payment-receipts": "rcp",
    "payment-requests": "preq",
    "remittances": "rem",
    "transactions": "wtx",
    "fixed-charges": "fxc",
    "price-changes": "pch",
    "tags": "tag",
    "custom-fields": "cfd",
    "applied": "apc",
    "corrective-invoices": "inv",
    "webhooks": "whk",
    "deliveries": "dlv",
    "api-keys": "key",
    "exports": "exp",
}
# What people send first.
BODIES: dict[str, Any] = {
    "createCustomer": {
        "externalId": "usr_98765",
        "email": "sarah@kampaltech.example",
        "name": "Nakato Sarah",
        "country": "UG",
        "currency": "UGX",
        "metadata": {"userId": "usr_98765", "accountType": "business"},
    },
    "updateCustomer": {"name": "Nakato Sarah Williams", "metadata": {"accountType": "enterprise"}},
    "createCustomers": {
        "customers": [
            {"externalId": "usr_1", "email": "one@example.com", "name": "One"},
            {"externalId": "usr_2", "email": "two@example.com", "name": "Two"},
        ]
    },
    "createBillableMetric": {"name": "API calls", "code": "api_calls", "aggregationType": "count"},
    "createPlan": {
        "name": "Pro",
        "code": "pro",
        "billingInterval": "monthly",
        "amount": 29,
        "currency": "EUR",
        "charges": [{"metricCode": "api_calls", "chargeModel": "standard", "properties": {"amount": "0.02"}}],
    },
    "createSubscription": {
        "customerId": f"cust_{ID}",
        "planId": "pro",
        "externalId": "usr_98765-pro",
    },
    "cancelSubscription": {"cancelAtPeriodEnd": True},
    "changeSubscriptionPlan": {"planId": "business"},
    "createEvent": {
        "transactionId": "t-1",
        "subscriptionId": "usr_98765-pro",
        "code": "api_calls",
        "properties": {"region": "eu"},
    },
    "createEvents": {
        "events": [
            {"transactionId": "t-1", "subscriptionId": "usr_98765-pro", "code": "api_calls"},
            {"transactionId": "t-2", "subscriptionId": "usr_98765-pro", "code": "api_calls"},
        ]
    },
    "createInvoice": {
        "customerId": f"cust_{ID}",
        "items": [{"description": "Workshop", "unitAmount": 15000, "quantity": 1}],
        "dueDate": "2026-12-31",
    },
    "voidInvoice": {"reason": "Typo in the address"},
    "createPayment": {"invoiceId": f"inv_{ID}", "amount": 15000, "reference": "TR-2041"},
    "refundPayment": {"amount": 5000, "reason": "Goodwill"},
    "createCreditNote": {"invoiceId": f"inv_{ID}", "amount": 5000, "reason": "other"},
    "createWallet": {"customerId": f"cust_{ID}", "name": "Prepaid", "grantedCredits": 100},
    "topUpWallet": {"grantedCredits": 50},
    "createCoupon": {
        "name": "Welcome",
        "code": "welcome",
        "couponType": "percentage",
        "percentage": 10,
        "frequency": "once",
    },
    "applyCoupon": {"couponCode": "welcome", "customerId": f"cust_{ID}"},
    "createTax": {"name": "VAT", "code": "vat", "rate": 18},
    "createAddOn": {"name": "Setup", "code": "setup", "amount": 99, "currency": "EUR"},
    "createPaymentProvider": {"type": "stripe", "name": "Stripe", "credentials": {"secretKey": "sk_…"}},
    "createExport": {"content": "invoices", "filters": {"status": "overdue", "currency": "EUR"}},
    "previewCharge": {
        "chargeModel": "graduated",
        "currency": "EUR",
        "units": 1500,
        "properties": {
            "graduatedRanges": [
                {"fromValue": 0, "toValue": 1000, "perUnitAmount": "0.02", "flatAmount": "0"},
                {"fromValue": 1001, "toValue": None, "perUnitAmount": "0.01", "flatAmount": "0"},
            ]
        },
    },
}


def sample(
    schema: dict[str, Any], parts: dict[str, Any], name: str = "", own: str = "", level: int = 0
) -> Any:
    """A value of this schema; `parts` are the document's components, `name` is the field's."""
    if "$ref" in schema:
        own = schema["$ref"].rpartition("/")[2]
        return sample(parts[own], parts, name, own, level)
    if "enum" in schema:
        words = [word for word in schema["enum"] if word is not None]
        return next((word for word in USUAL if word in words), words[0] if words else None)
    if options := [one for one in schema.get("anyOf", []) if one != {"type": "null"}]:
        return sample(options[0], parts, name, own, level)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next(one for one in kind if one != "null")
    if kind == "object":
        return of_object(schema, parts, own, level)
    if kind == "array":
        known = VALUES.get(name)
        if isinstance(known, list):
            return known
        return (
            []
            if level > MOST_LEVELS
            else [sample(schema.get("items", {}), parts, name.removesuffix("s"), "", level + 1)]
        )
    if kind == "boolean":
        return bool(schema.get("default", name in {"active", "isActive", "verified", "success", "deleted"}))
    if kind in {"integer", "number"}:
        return number(schema, name)
    return text(schema, name, own) if kind == "string" else "…" if not schema else None


def of_object(schema: dict[str, Any], parts: dict[str, Any], own: str, level: int) -> dict[str, Any]:
    """All fields; of a free object none."""
    if level > MOST_LEVELS:
        return {}
    fields = schema.get("properties", {})
    return {
        name: sample(part, parts, name, own if name == "id" else "", level + 1)
        for name, part in fields.items()
    }


def number(schema: dict[str, Any], name: str) -> Any:
    """A number within its bounds."""
    usual = {"page": 1, "limit": 20, "total": 1, "totalPages": 1, "rate": 18, "units": 1500, "taxRate": 18}
    value = usual.get(name, schema.get("default") or (1 if schema["type"] == "integer" else 29.9))
    low = schema.get(
        "minimum", schema.get("exclusiveMinimum", value - 1) + 1 if "exclusiveMinimum" in schema else value
    )
    return max(value, low)


def text(schema: dict[str, Any], name: str, own: str) -> str:
    """A text of its format, or as fields of this name look."""
    if schema.get("format") == "date-time":
        return "2026-11-27T09:30:00Z"
    if schema.get("format") == "date":
        return "2026-11-27"
    if name == "id":
        return f"{OWN.get(own, own.lower()[:4] or 'id')}_{ID}"
    if name in PREFIXES:
        return f"{PREFIXES[name]}_{ID}"
    known = VALUES.get(name)
    if isinstance(known, str):
        return known
    if name.endswith("Url"):
        return f"https://billing.example.com/{name}"
    return str(schema.get("default") or ("1" if schema.get("pattern") else name or "text"))


def sample_body(schema: dict[str, Any], parts: dict[str, Any]) -> Any:
    """What has to be sent; when nothing has, the first three fields."""
    while "$ref" in schema:
        schema = parts[schema["$ref"].rpartition("/")[2]]
    fields = schema.get("properties", {})
    names = schema.get("required") or list(fields)[:3]
    return {name: sample(fields[name], parts, name) for name in names}
