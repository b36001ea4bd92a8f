"""What an API key may do: scopes such as `invoices:read`.

Laws.
- A scope is a resource and `read` or `write`; writing includes reading; `*` stands for every resource. A key without
  scopes may do everything.
- Which scope a route needs stands in its address: the resource is the last noun of it that has routes of its own, so
  that `/customers/{id}/invoices` needs `invoices:read` and not just `customers:read`.
- Computing without saving (previews, estimates) is reading.

Example: `scope_of("POST", "customers/{id}/wallets", {"customers", "wallets"})` is `wallets:write`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

READ, WRITE, ALL = "read", "write", "*"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
COMPUTING = frozenset({"preview", "estimate", "evaluate-expression", "price-effect"})
# Nouns that are a part of another resource, whatever address they stand in.
PART_OF = {"charges": "plans"}
# (resource, noun) of addresses that choose something for the resource and do not change the noun.
CHOOSING = frozenset({("customers", "payment-providers")})


def nouns(route: str) -> list[str]:
    """The words of an address without its arguments (`{id}` or `<id>`), from the first to the last."""
    return [part for part in route.strip("/").split("/") if part and part[0] not in "{<"]


def resource_of(route: str, resources: Collection[str]) -> str:
    """The resource that a route (`customers/{id}/invoices`) is about; the first word when there is none."""
    words = nouns(route)
    owner = PART_OF.get(words[0], words[0]) if words else ""
    for word in reversed(words[1:]):
        if word in resources and (owner, word) not in CHOOSING:
            return PART_OF.get(word, word)
    return owner


def scope_of(method: str, route: str, resources: Collection[str]) -> str:
    """The scope that a call needs."""
    words = nouns(route)
    reading = method in SAFE or (method == "POST" and bool(words) and words[-1] in COMPUTING)
    return f"{resource_of(route, resources)}:{READ if reading else WRITE}"


def grants(scopes: Sequence[str], wanted: str) -> bool:
    """Whether a key with these scopes may do what needs `wanted`."""
    resource, _, right = wanted.partition(":")
    rights = {WRITE} if right == WRITE else {READ, WRITE}
    return not scopes or any(f"{name}:{given}" in scopes for name in (resource, ALL) for given in rights)


def beyond(wanted: Sequence[str], own: Sequence[str]) -> list[str]:
    """Which of the wanted scopes (none of them: everything) a key with its own ones may not give away."""
    if not own:
        return []
    return [scope for scope in wanted or [f"{ALL}:{WRITE}"] if not grants(own, scope)]
