"""What a merge moves, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billing.web.formats import money_text
from customers.models import Customer

NOUNS = (
    ("subscriptions", "Subscriptions"),
    ("usage_events", "Usage events"),
    ("invoices", "Invoices"),
    ("credit_notes", "Credit notes"),
    ("payments", "Payments"),
    ("wallets_merged", "Wallets merged"),
    ("wallets_moved", "Wallets moved"),
    ("coupons", "Coupons"),
    ("payment_methods", "Provider links"),
    ("notes", "Notes"),
    ("vat_checks", "VAT checks"),
    ("portal_links", "Portal links revoked"),
)


@dataclass(frozen=True)
class Moved:
    """A line of the preview and of the receipt."""

    label: str
    count: int
    note: str


def moved_rows(counts: Mapping[str, Any]) -> list[Moved]:
    """What there is of each kind, with amounts; kinds without a row are left out."""
    notes = {
        "subscriptions": counted(counts["open_subscriptions"], "running or to come", "running or to come"),
        "invoices": ", ".join(
            filter(
                None,
                [
                    *(f"{money_text(minor, code)} unpaid" for code, minor in counts["outstanding"].items()),
                    counted(counts["drafts"], "draft", "drafts"),
                ],
            )
        ),
        "wallets_merged": balances(counts, "merged"),
        "wallets_moved": balances(counts, "moved"),
        "coupons": counted(counts["coupons_ended"], "ends: both have it", "end: both have them"),
        "payment_methods": counted(
            counts["links_kept"], "stays: the other has one", "stay: the other has them"
        ),
    }
    return [Moved(label, counts[name], notes.get(name, "")) for name, label in NOUNS if counts[name]]


def balances(counts: Mapping[str, Any], how: str) -> str:
    """The balances that move, one after the other."""
    return ", ".join(
        money_text(row["minor"], row["currency"]) for row in counts["wallets"] if row["how"] == how
    )


def counted(number: int, one: str, many: str) -> str:
    """ "1 draft", or nothing."""
    return f"{number} {one if number == 1 else many}" if number else ""


def effects(source: Customer, target: Customer, counts: Mapping[str, Any]) -> list[str]:
    """What else follows, in sentences."""
    found = [f"{source.display_name} leaves the lists for good. Its page leads to {target.display_name}."]
    if counts["invoices"] - counts["drafts"]:
        found.append("Issued invoices keep their number and the name and address they were issued to.")
    if counts["drafts"]:
        found.append(
            f"Drafts are addressed to {target.display_name}; those of subscriptions get its taxes and coupons."
        )
    if counts["open_subscriptions"]:
        zone = target.timezone or target.billing_entity.timezone
        found.append(
            f"Later invoices of the subscriptions are issued by {target.billing_entity} to {target.display_name}; "
            f"periods follow its time zone, {zone}."
        )
        if source.currency != target.currency:
            found.append(
                f"Subscriptions in {source.currency} go on in {source.currency}, on invoices of their own."
            )
    if counts["wallets"] and source.mode != target.mode:
        found.append(f"The wallets follow the {target.mode} mode of {target.display_name}.")
    if counts.get("schedules_moved"):
        found.append(f"Scheduled top-ups of merged wallets go on with the wallets of {target.display_name}.")
    if counts.get("schedules_ended"):
        found.append(
            f"Scheduled top-ups of merged wallets end where the wallet of {target.display_name} has its own."
        )
    if counts["portal_links"]:
        found.append("Portal links that were given out stop working.")
    return found
