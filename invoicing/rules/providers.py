"""Payment providers: which credentials each kind has, and what it is told of a customer.

Law: a provider is told facts, a flat table of texts; an empty text means "none". It is in step when what it was last
told equals the facts of now, so an update sends the difference and nothing else. Ours is the source: the metadata
carries our ids, by which a customer is found again there.

Example: told {"name": "Acme", "city": "Kampala"}, facts {"name": "Acme Ltd", "city": "Kampala"} -> send
{"name": "Acme Ltd"}.

A call that could not be made is tried again after 1, 5, 15 minutes, 1, 3, 6, 12 and 24 hours, or later when the
provider asks for it; then it has failed and waits for a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from billing.rules.ids import encode

Facts = dict[str, str]

SYNCING = frozenset({"stripe"})
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720, 1440))

CUSTOMER_ID = "tarn_customer_id"
EXTERNAL_ID = "tarn_external_id"
METADATA = (CUSTOMER_ID, EXTERNAL_ID)
ADDRESS = ("line1", "line2", "postal_code", "city", "state", "country")
FACTS = ("name", "email", "phone", *ADDRESS, *METADATA)
LABELS = {
    "name": "Name",
    "email": "E-mail",
    "phone": "Phone",
    "line1": "Address line 1",
    "line2": "Address line 2",
    "postal_code": "Postal code",
    "city": "City",
    "state": "State or region",
    "country": "Country",
    CUSTOMER_ID: "Our customer ID",
    EXTERNAL_ID: "Our external ID",
}
# Where a fact stands in the customer's table; our ids are ours alone.
COLUMNS = {
    "name": "name",
    "email": "email",
    "phone": "phone",
    "line1": "address_line1",
    "line2": "address_line2",
    "postal_code": "postal_code",
    "city": "city",
    "state": "state",
    "country": "country",
}


@dataclass(frozen=True)
class Credential:
    """One value that an account needs. `hint` says where it is found."""

    name: str
    label: str
    required: bool = True
    hint: str = ""


CREDENTIALS: dict[str, tuple[Credential, ...]] = {
    "stripe": (
        Credential(
            "secret_key",
            "Secret key",
            hint="Starts with sk_ or rk_. A restricted key (rk_) has to write customers, checkout sessions, payments "
            "(PaymentIntents, PaymentMethods, SetupIntents) and refunds.",
        ),
        Credential("publishable_key", "Publishable key", required=False, hint="Starts with pk_."),
        Credential(
            "webhook_secret",
            "Signing secret of the webhook",
            required=False,
            hint="Starts with whsec_. Stripe shows it once the webhook is set up there; the address for it stands on "
            "the page of the account.",
        ),
    ),
    "flutterwave": (
        Credential("secret_key", "Secret key"),
        Credential("public_key", "Public key", required=False),
        Credential("encryption_key", "Encryption key", required=False),
        Credential(
            "secret_hash",
            "Secret hash of the webhook",
            required=False,
            hint="A word of your own, entered at Flutterwave beside the address of the webhook.",
        ),
    ),
    "paystack": (
        Credential("secret_key", "Secret key"),
        Credential("public_key", "Public key", required=False),
    ),
    "mpesa": (
        Credential("consumer_key", "Consumer key"),
        Credential("consumer_secret", "Consumer secret"),
        Credential("shortcode", "Short code", required=False, hint="The till or pay-bill number."),
        Credential("passkey", "Passkey", required=False),
    ),
    "manual": (),
}


def secret_of(credentials: Mapping[str, Any], name: str) -> str:
    """A credential, whatever its spelling: `secret_key`, `secretKey` and `apiKey` (for the secret key) are known."""
    plain = {key.replace("_", "").replace("-", "").lower(): value for key, value in credentials.items()}
    wanted = name.replace("_", "")
    found = plain.get(wanted) or (plain.get("apikey") if wanted == "secretkey" else None)
    return str(found or "").strip()


def facts_of(customer: Any) -> Facts:
    """What a provider is told of a customer: the name that lists show, contact, address, and our ids."""
    facts = {fact: str(getattr(customer, column) or "") for fact, column in COLUMNS.items()}
    facts["name"] = str(customer.display_name)
    return facts | {CUSTOMER_ID: encode("cust", customer.pk), EXTERNAL_ID: str(customer.external_id)}


def unsent(sent: Mapping[str, str], facts: Mapping[str, str]) -> Facts:
    """The facts that the provider has not been told yet."""
    return {name: value for name, value in facts.items() if sent.get(name, "") != value}


def drift_of(ours: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, list[str]]:
    """{fact: [ours, theirs]} where the two differ; space around a text and the case of e-mails do not count."""

    def same(name: str) -> bool:
        left, right = ours.get(name, "").strip(), theirs.get(name, "").strip()
        return left.lower() == right.lower() if name == "email" else left == right

    return {name: [ours.get(name, ""), theirs.get(name, "")] for name in FACTS if not same(name)}


def columns_of(drift: Mapping[str, list[str]], names: Iterable[str] = FACTS) -> dict[str, str]:
    """Their values by column of our table, for taking them over. Our own ids are never taken over."""
    return {COLUMNS[name]: drift[name][1] for name in names if name in drift and name in COLUMNS}


def wait_after(attempts: int, asked: float = 0) -> timedelta | None:
    """How long to wait after that many attempts that failed; `asked` seconds at least. None: no more."""
    if attempts > len(WAITS):
        return None
    return max(WAITS[max(attempts, 1) - 1], timedelta(seconds=min(asked, 24 * 3600)))
