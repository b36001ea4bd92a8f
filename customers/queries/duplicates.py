"""Customers that may be one: candidates are found by grouping in SQL, what speaks for them is decided by the rule.

One pass over the organization's customers makes keys (mailbox, tax number, phone, name, rare words of names); only
keys that a few customers share are looked at, so the work after it is bounded whatever their number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from billing.models import Organization
from billing.orm.search import matching
from customers.models import Customer, NotDuplicate
from customers.queries.overview import customers_by_id
from customers.rules.duplicates import LEGAL_FORMS, Facts, Reason, plain_name, plain_phone, reasons, score

MOST_PAIRS = 50
MOST_GROUPS = 400
MOST_CANDIDATES = 60
COMPARED = ("id", "name", "legal_name", "email", "phone", "tax_id", "tax_identifiers")
POINTS = ".'"
MARKS = POINTS + "’" + "".join(map(chr, range(0x300, 0x370)))  # taken out of names, as the rule does
BLOCKS = """
WITH people AS MATERIALIZED (
    SELECT id, email, phone, tax_id, tax_identifiers,
           CASE WHEN octet_length(name) = length(name) THEN translate(lower(name), %(points)s, '')
                ELSE translate(normalize(lower(name), NFKD), %(marks)s, '') END AS name,
           CASE WHEN legal_name IN ('', name) THEN NULL
                WHEN octet_length(legal_name) = length(legal_name) THEN translate(lower(legal_name), %(points)s, '')
                ELSE translate(normalize(lower(legal_name), NFKD), %(marks)s, '') END AS legal
    FROM customers_customer
    WHERE organization_id = %(organization)s AND deleted_at IS NULL AND deleting_at IS NULL
), words AS MATERIALIZED (
    SELECT id, array_to_string(ARRAY(
        SELECT word FROM regexp_split_to_table(name, '[^[:alnum:]]+') AS word
        WHERE word <> '' AND word <> ALL(%(forms)s)
    ), ' ') AS name
    FROM (SELECT id, name FROM people UNION ALL SELECT id, legal FROM people WHERE legal <> '') AS named
), keys AS (
    SELECT 1 AS rank, 'e' || replace(split_part(split_part(lower(email), '@', 1), '+', 1), '.', '') || '@'
           || split_part(lower(email), '@', 2) AS key, id FROM people WHERE email <> ''
    UNION ALL
    SELECT 0, 't' || regexp_replace(upper(tax_id), '[^A-Z0-9]', '', 'g'), id FROM people WHERE length(tax_id) >= 5
    UNION ALL
    SELECT 0, 't' || regexp_replace(upper(value), '[^A-Z0-9]', '', 'g'), id
    FROM people, jsonb_each_text(tax_identifiers) WHERE tax_identifiers <> '{}' AND length(value) >= 5
    UNION ALL
    SELECT 2, 'p' || right(regexp_replace(phone, '[^0-9]', '', 'g'), 9), id FROM people WHERE length(phone) >= 7
    UNION ALL
    SELECT 1, 'n' || name, id FROM words WHERE name <> ''
    UNION ALL
    SELECT 3, 'w' || word, id FROM words, unnest(string_to_array(name, ' ')) AS word WHERE length(word) >= 5
)
SELECT array_agg(DISTINCT id ORDER BY id) FROM keys
GROUP BY rank, key HAVING count(DISTINCT id) BETWEEN 2 AND %(most)s
ORDER BY rank, min(id::text) LIMIT %(groups)s
"""


@dataclass(frozen=True)
class Pair:
    """Two customers that may be one, the older one first, with what speaks for it."""

    first: Customer
    second: Customer
    reasons: list[Reason]

    @property
    def score(self) -> int:
        """Percent."""
        return score(self.reasons)


def duplicates(organization: Organization, *, most: int = MOST_PAIRS) -> list[Pair]:
    """The likeliest pairs, without those that staff have found to be different."""
    with connection.cursor() as cursor:
        limits: dict[str, Any] = {
            "organization": organization.pk,
            "forms": LEGAL_FORMS,
            "points": POINTS,
            "marks": MARKS,
            "most": 8,
            "groups": MOST_GROUPS,
        }
        cursor.execute(BLOCKS, limits)
        pairs = {pair for (ids,) in cursor.fetchall() for pair in combinations(ids, 2)}
    facts = facts_of(Customer.objects.filter(pk__in={key for pair in pairs for key in pair}))
    known = apart(organization)
    found = [
        (pair, why)
        for pair in pairs - known
        if all(key in facts for key in pair) and (why := reasons(facts[pair[0]], facts[pair[1]]))
    ]
    found.sort(key=lambda item: (-score(item[1]), item[0]))
    best = found[:most]
    rows = {row.pk: row for row in customers_by_id({key for pair, _ in best for key in pair})}
    return [Pair(rows[one], rows[other], why) for (one, other), why in best]


def duplicates_of(customer: Customer, *, most: int = 5) -> list[tuple[Customer, list[Reason]]]:
    """The likeliest others for one customer, by indexes."""
    others = Customer.objects.of(customer.organization).present().exclude(pk=customer.pk)
    own = facts_of([customer])[customer.pk]
    words = sorted(
        {word for name in own.names for word in plain_name(name).split() if len(word) >= 3}, key=len
    )
    found: dict[UUID, Any] = {}
    for word in words[-2:]:
        found |= {row.pk: row for row in matching(others, word).only(*COMPARED)[:MOST_CANDIDATES]}
    if customer.email:
        local = customer.email.partition("@")[0].partition("+")[0]
        found |= {row.pk: row for row in matching(others, local).only(*COMPARED)[:MOST_CANDIDATES]}
    same = Q(pk=None)
    if customer.tax_id:
        same |= Q(tax_id=customer.tax_id)
    if plain_phone(customer.phone):
        same |= Q(phone=customer.phone)
    if len(same) > 1:
        found |= {row.pk: row for row in others.filter(same).only(*COMPARED)[:MOST_CANDIDATES]}
    facts = facts_of(found.values())
    known = apart(customer.organization, customer)
    scored = [
        (key, why)
        for key in facts
        if tuple(sorted((key, customer.pk))) not in known and (why := reasons(own, facts[key]))
    ]
    scored.sort(key=lambda item: (-score(item[1]), item[0]))
    best = dict(scored[:most])
    return [(row, best[row.pk]) for row in customers_by_id(best)]


def apart(organization: Organization, customer: Customer | None = None) -> set[tuple[UUID, ...]]:
    """Pairs that staff have found to be different."""
    rows = NotDuplicate.objects.of(organization)
    if customer is not None:
        rows = rows.filter(Q(first=customer) | Q(second=customer))
    return set(rows.values_list("first_id", "second_id"))


def facts_of(rows: Iterable[Customer]) -> dict[UUID, Facts]:
    """{id: what is compared}."""
    return {
        row.pk: Facts(
            names=tuple(filter(None, dict.fromkeys((row.name, row.legal_name)))),
            email=row.email,
            phone=row.phone,
            tax_numbers=tuple(filter(None, (row.tax_id, *map(str, row.tax_identifiers.values())))),
        )
        for row in rows
    }
