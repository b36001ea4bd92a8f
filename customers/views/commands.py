"""What the palette can do besides finding rows: pages to go to, and acts, also on a customer that is named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef
from django.urls import NoReverseMatch, Resolver404, resolve, reverse

from billing.rules.ids import decode
from billing.web.access import may
from billing.web.menu import BOTTOM, MENU
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import DEVELOPERS, SETTINGS
from customers.models import Customer
from customers.queries.search import customers
from customers.rules.fuzzy import fit, words_of
from customers.views.frame import ACTS, CREDITABLE, customer_acts, tab_counts
from invoicing.models import Invoice

OWN = ""  # what everybody may


@dataclass(frozen=True)
class Command:
    """One line: what it is called, further words that find it, where it leads."""

    label: str
    icon: str
    url_name: str
    permission: str
    overlay: str = ""
    words: str = ""
    query: str = ""


CREATE = (
    Command("Add a customer", "user-plus", "customer-add", "customers.edit", "drawer", "new create client"),
    Command("Create a plan", "layers", "plan-add", "catalog.edit", "", "new add price"),
    Command("Add a metric", "gauge", "metric-add", "catalog.edit", "drawer", "new create billable"),
    Command("Add a coupon", "ticket-percent", "coupon-add", "coupons.edit", "drawer", "new create discount"),
    Command("Add a tax", "percent", "tax-add", "taxes.edit", "drawer", "new create vat rate"),
    Command("Invite a member", "user-plus", "member-invite", "members.edit", "drawer", "new add colleague"),
    Command("Create an API key", "key-round", "api-key-add", "api_keys.edit", "drawer", "new add token"),
)
OTHER = (
    Command("Light theme", "sun", "theme", OWN, "", "colour mode bright", "light"),
    Command("Dark theme", "moon", "theme", OWN, "", "colour mode night", "dark"),
    Command("Theme of the system", "monitor", "theme", OWN, "", "colour mode", "system"),
    Command("Keyboard", "keyboard", "", OWN, "", "keys shortcuts help"),
)
FURTHER = {
    "invoices": "bills drafts overdue",
    "metrics": "meters",
    "settings": "organization",
    "audit": "log history",
    "jobs": "background work failed",
    "events-quarantine": "unmatched events",
    "members": "users people team roles",
    "api-keys": "tokens secrets",
}


def pages() -> Iterable[Command]:
    """Every page of the menus, once; those of Settings and Developers under their own names."""
    seen = set()
    for entry in [row for _, rows in MENU for row in rows] + list(BOTTOM):
        seen.add(entry.url_name)
        words = FURTHER.get(entry.url_name, "")
        yield Command(entry.label, entry.icon, entry.url_name, entry.permission, words=words)
    for rows, icon in ((SETTINGS, "settings"), (DEVELOPERS, "terminal")):
        for label, name, permission in rows:
            if name not in seen:
                yield Command(label, icon, name, permission, words=FURTHER.get(name, ""))
    yield Command("Profile", "user", "profile", OWN, words="account name")
    yield Command("Change password", "key-round", "password-change", OWN, words="account security")


def fitting(
    request: StaffRequest, commands: Iterable[Command], typed: str
) -> list[tuple[int, dict[str, Any]]]:
    """(cost, item) of the commands that the typed words fit and the member may use, best first."""
    found = []
    for command in commands:
        cost = fit(typed, command.label, command.words)
        allowed = not command.permission or may(request.member, command.permission)
        if cost is not None and allowed and (url := address(request, command)):
            item = {"label": command.label, "icon": command.icon, "url": url, "overlay": command.overlay}
            found.append((cost, item | {"keys_help": not command.url_name}))
    return sorted(found, key=lambda pair: pair[0])


def address(request: StaffRequest, command: Command) -> str:
    """Where the command leads; empty when this installation has no such page."""
    if not command.url_name:
        return "#keys"
    try:
        url = reverse(command.url_name)
    except NoReverseMatch:
        return ""
    if command.query:
        here = request.htmx.current_url_abs_path or "/"
        url = f"{url}?{urlencode({'theme': command.query, 'next': here})}"
    return url


def open_customer(request: StaffRequest) -> Customer | None:
    """The customer whose page is open behind the palette."""
    path = (request.htmx.current_url_abs_path or "").partition("?")[0]
    try:
        found = resolve(path)
    except Resolver404:
        return None
    if not str(found.url_name).startswith("customer") or "id" not in found.kwargs:
        return None
    key = decode(Customer.PREFIX, str(found.kwargs["id"]))
    rows = Customer.objects.of(request.organization).present().select_related("billing_entity")
    return rows.filter(pk=key).first()


def acts_on(request: StaffRequest, customer: Customer, typed: str = "") -> list[tuple[int, dict[str, Any]]]:
    """(cost, item) of the acts on the customer of the open page."""
    counts, wallet = tab_counts(customer)
    acts = customer_acts(request, customer, wallet, creditable=counts[CREDITABLE] > 0)
    return fitting_acts(acts, customer, typed)


def fitting_acts(
    acts: list[dict[str, Any]], customer: Customer, typed: str
) -> list[tuple[int, dict[str, Any]]]:
    """The acts that the typed words fit, with the customer's name behind them."""
    found = [
        (cost, act | {"note": customer.display_name})
        for act in acts
        if (cost := fit(typed, act["label"], customer.display_name)) is not None
    ]
    return sorted(found, key=lambda pair: pair[0])


def acts_by_name(request: StaffRequest, typed: str, most: int = 3) -> list[dict[str, Any]]:
    """ "assign acme": the first words name an act, the rest a customer."""
    words = typed.split()
    for split in range(len(words) - 1, 0, -1):
        verb, name = " ".join(words[:split]), " ".join(words[split:])
        if not any(fit(verb, act.label) == 0 for act in ACTS) or len(words_of(name)) == 0 or len(name) < 2:
            continue
        rows = customers(request.organization, name, most).filter(deleting_at=None)
        invoices = Invoice.objects.creditable().filter(customer=OuterRef("pk"))
        rows = rows.annotate(has_creditable=Exists(invoices))[:most]
        found = [
            act | {"note": row.display_name}
            for row in rows
            for act in customer_acts(request, row, None, creditable=row.has_creditable)
            if fit(verb, act["label"]) == 0
        ]
        if found:
            return found[: most * 2]
    return []
