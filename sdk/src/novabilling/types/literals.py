"""Words that the API knows. A model's attribute may also hold a word that a newer server has added."""

from __future__ import annotations

from typing_extensions import Literal

BillingInterval = Literal["weekly", "monthly", "quarterly", "semiannual", "yearly"]
SubscriptionStatus = Literal["pending", "trialing", "active", "paused", "past_due", "canceled", "terminated"]
InvoiceStatus = Literal[
    "generating", "draft", "pending", "finalized", "paid", "overdue", "voided", "failed", "closed"
]
PaymentStatus = Literal["pending", "processing", "successful", "failed", "refunded", "partially_refunded"]
CustomerStatus = Literal["active", "inactive"]
CustomerType = Literal["business", "consumer", "unknown"]
ProviderType = Literal["stripe", "flutterwave", "paystack", "mpesa", "manual"]
ChargeModel = Literal[
    "standard", "graduated", "graduated_percentage", "package", "percentage", "volume", "dynamic"
]
AggregationType = Literal["count", "sum", "max", "unique_count", "latest", "weighted_sum"]
EventStatus = Literal["accepted", "duplicate", "conflict", "quarantined", "invalid"]
# fmt: off
Currency = Literal[
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BHD",
    "BIF", "BMD", "BND", "BOB", "BOV", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF",
    "CHE", "CHF", "CHW", "CLF", "CLP", "CNY", "COP", "COU", "CRC", "CUP", "CVE", "CZK", "DJF",
    "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP",
    "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR",
    "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT",
    "LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP",
    "MRU", "MUR", "MVR", "MWK", "MXN", "MXV", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR",
    "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB",
    "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN",
    "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH",
    "UGX", "USD", "USN", "UYI", "UYU", "UYW", "UZS", "VED", "VES", "VND", "VUV", "WST", "XAD",
    "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
]
# fmt: on
