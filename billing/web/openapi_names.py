"""Names of operations, made from their addresses: GET /invoices is listInvoices, "List invoices"."""

from __future__ import annotations

import re


def named_by_path(method: str, path: str) -> str:
    """A name for an operation: GET /customers is listCustomers, POST /invoices/{id}/void is voidInvoice."""
    parts = path.removeprefix("/api/").split("/")
    nouns = [part for part in parts if not part.startswith("{")]
    whole = parts[-1].startswith("{")
    titles = ["".join(word.title() for word in noun.split("-")) for noun in nouns]
    ones = [singular(title) for title in titles]
    if method == "GET":
        return (
            "get" + "".join(ones)
            if whole or not plural(titles[-1])
            else "list" + "".join([*ones[:-1], titles[-1]])
        )
    if method == "POST" and not whole:
        if plural(titles[-1]):
            return "create" + "".join(ones)
        return lower(titles[-1]) + "".join(ones[:-1])
    verb = {"PATCH": "update", "PUT": "set", "DELETE": "delete", "POST": "create"}[method]
    return verb + "".join([*ones[:-1], ones[-1] if whole or method != "PUT" else titles[-1]])


def plural(word: str) -> bool:
    """Whether a title names several."""
    return (word.endswith("s") and word not in {"Status"}) or word == "Usage"


def singular(word: str) -> str:
    """Taxes -> Tax, Subscriptions -> Subscription."""
    for end, one in (("xes", "x"), ("ies", "y")):
        if word.endswith(end):
            return word.removesuffix(end) + one
    return word.removesuffix("s") if plural(word) else word


def lower(word: str) -> str:
    """With a small letter at its start."""
    return word[:1].lower() + word[1:]


def summary_of(key: str) -> str:
    """listCreditNotes -> List credit notes."""
    words = re.findall(r"[A-Z]?[a-z0-9]+", key)
    return " ".join([words[0].title(), *(word.lower() for word in words[1:])])
