"""What the demo organization sells, and whom it bills: plain data."""

from __future__ import annotations

from typing import Any

METRICS: tuple[dict[str, Any], ...] = (
    {"name": "API calls", "code": "api_calls", "aggregation": "count"},
    {"name": "Messages sent", "code": "messages", "aggregation": "sum", "field_name": "count"},
    {"name": "Storage peak", "code": "storage_gb", "aggregation": "max", "field_name": "gb"},
    {"name": "Active users", "code": "active_users", "aggregation": "unique_count", "field_name": "user_id"},
    {"name": "Seats", "code": "seats", "aggregation": "latest", "field_name": "seats"},
    {"name": "Data transfer", "code": "transfer_gb", "aggregation": "sum", "field_name": "gb"},
    {"name": "Payment volume", "code": "payment_volume", "aggregation": "sum", "field_name": "amount"},
    {"name": "Reports rendered", "code": "reports", "aggregation": "count"},
)

Charges = tuple[tuple[str, str, dict[str, Any]], ...]

STARTER: Charges = (("api_calls", "package", {"amount": "2", "packageSize": 1000, "freeUnits": 1000}),)
GROWTH: Charges = (
    (
        "messages",
        "graduated",
        {
            "graduatedRanges": [
                {"fromValue": 0, "toValue": 1000, "perUnitAmount": "0.04", "flatAmount": "0"},
                {"fromValue": 1001, "toValue": 10000, "perUnitAmount": "0.025", "flatAmount": "5"},
                {"fromValue": 10001, "toValue": None, "perUnitAmount": "0.01", "flatAmount": "0"},
            ]
        },
    ),
    ("active_users", "standard", {"amount": "1.5"}),
    ("storage_gb", "standard", {"amount": "0.12"}),
)
SCALE: Charges = (
    (
        "transfer_gb",
        "volume",
        {
            "volumeRanges": [
                {"fromValue": 0, "toValue": 500, "perUnitAmount": "0.09", "flatAmount": "0"},
                {"fromValue": 501, "toValue": 5000, "perUnitAmount": "0.07", "flatAmount": "10"},
                {"fromValue": 5001, "toValue": None, "perUnitAmount": "0.05", "flatAmount": "25"},
            ]
        },
    ),
    ("seats", "standard", {"amount": "12"}),
)
PAYMENTS: Charges = (("payment_volume", "percentage", {"rate": "1.4", "fixedAmount": "250"}),)
JAPAN: Charges = (("messages", "standard", {"amount": "3"}), ("reports", "standard", {"amount": "40"}))

# name, code, interval, amount in minor units, currency, in advance, trial days, charges
PLANS: tuple[tuple[str, str, str, int, str, bool, int, Charges], ...] = (
    ("Starter", "starter", "monthly", 1900, "EUR", False, 0, STARTER),
    ("Growth", "growth", "monthly", 9900, "EUR", False, 14, GROWTH),
    ("Scale", "scale", "monthly", 49900, "USD", True, 0, SCALE),
    ("Enterprise", "enterprise", "yearly", 1200000, "USD", True, 0, SCALE),
    ("Kampala Pay", "kampala_pay", "monthly", 75000, "UGX", False, 0, PAYMENTS),
    ("Tokyo Team", "tokyo_team", "quarterly", 48000, "JPY", False, 0, JAPAN),
)

# plan code -> share of customers
SHARES = {
    "starter": 34,
    "growth": 36,
    "scale": 24,
    "enterprise": 6,
    "kampala_pay": 22,
    "tokyo_team": 16,
}

# country -> (cities, timezone, company endings)
COUNTRIES: dict[str, tuple[tuple[str, ...], str, tuple[str, ...]]] = {
    "DE": (("Berlin", "Hamburg", "München", "Köln"), "Europe/Berlin", ("GmbH", "AG")),
    "FR": (("Paris", "Lyon", "Nantes"), "Europe/Paris", ("SAS", "SARL")),
    "ES": (("Madrid", "Valencia", "Bilbao"), "Europe/Madrid", ("S.L.", "S.A.")),
    "NL": (("Amsterdam", "Utrecht"), "Europe/Amsterdam", ("B.V.",)),
    "US": (("Austin", "Portland", "Chicago", "Boston"), "America/Chicago", ("Inc.", "LLC")),
    "CA": (("Toronto", "Montréal"), "America/Toronto", ("Ltd.",)),
    "UG": (("Kampala", "Entebbe", "Jinja"), "Africa/Kampala", ("Ltd",)),
    "JP": (("東京", "大阪", "京都"), "Asia/Tokyo", ("株式会社",)),
}
PLAN_COUNTRIES = {
    "starter": ("DE", "FR", "ES", "NL"),
    "growth": ("DE", "FR", "NL", "ES"),
    "scale": ("US", "CA"),
    "enterprise": ("US",),
    "kampala_pay": ("UG",),
    "tokyo_team": ("JP",),
}
FIRST = (
    "Aster", "Baobab", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbour", "Indigo", "Juniper",
    "Kestrel", "Lumen", "Meridian", "Nimbus", "Orchard", "Polaris", "Quarry", "Ridge", "Solstice", "Tidal",
    "Umber", "Vertex", "Willow", "Yarrow", "Zephyr",
)  # fmt: skip
SECOND = (
    "Analytics", "Apps", "Bikes", "Cargo", "Clinic", "Data", "Energy", "Foods", "Games", "Health", "Labs",
    "Learning", "Logistics", "Media", "Mobility", "Networks", "Robotics", "Security", "Software", "Studio",
    "Systems", "Travel", "Works",
)  # fmt: skip
JAPANESE = ("青葉", "桜井", "高橋", "山本", "白石", "中川", "松田", "小林")
JAPANESE_FIELDS = ("システム", "商事", "工業", "研究所")
PEOPLE = (
    ("Ada Okello", "ada@tarn.example", "admin"),
    ("Felix Brandt", "felix@tarn.example", "finance"),
    ("Mariam Nakato", "mariam@tarn.example", "manager"),
    ("Sora Ito", "sora@tarn.example", "support"),
)
