"""VAT numbers of the demo: of the right form, made up, and never asked about. VIES hears of the demo only when
somebody presses "Check now".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from stdnum.eu import vat

from billing.orm.actor import Actor
from customers.actions.vat_override import override
from customers.models import Customer

BY = Actor.system("Demo")
REASONS = (
    "Certificate of the tax office seen on paper",
    "Confirmed by telephone while the register was down",
    "Extract of the trade register on file",
)


def candidates(country: str, number: int) -> Iterator[str]:
    """Numbers with all check digits that there could be."""
    digits = f"{30_200_000 + number * 613:08d}"
    for check in range(10):
        if country == "FR":
            yield from (f"FR{key:02d}{digits}{check}" for key in range(100))
        else:
            yield {"DE": f"DE{digits}{check}", "ES": f"ESB{digits[1:]}{check}"}.get(
                country, f"NL{digits}{check}B01"
            )


def tax_id(country: str, number: int) -> str:
    """A number for every other customer of these countries; every tenth has a slip of the pen in it."""
    if country not in {"DE", "FR", "ES", "NL"} or number % 2:
        return ""
    found = next((text for text in candidates(country, number) if vat.is_valid(text)), "")
    if not found or number % 10 != 4:
        return found
    last = found.find("B01") - 1 if country == "NL" else len(found) - 1  # the check digit
    return f"{found[:last]}{(int(found[last]) + 1) % 10}{found[last + 1 :]}"


def confirm(customer: Customer, number: int, at: datetime) -> None:
    """Some of the numbers abroad are confirmed by hand: their invoices have reverse charge."""
    abroad = customer.country in {"FR", "ES", "NL"}
    if abroad and customer.tax_id and customer.vat_status == "unvalidated" and number % 4 == 0:
        override(customer, REASONS[number % len(REASONS)], days=365, by=BY, at=at)
