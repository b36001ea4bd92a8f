"""One of several processes that finalise in one series, started by `tests/bench/numbers.py`.

Says "ready" when Django is up, waits for a line, finalises its part of the drafts, gives up its part of the
transactions in between, and prints how many of each.
"""

from __future__ import annotations

import sys
from uuid import UUID

import django


class GivenUp(Exception):
    """A transaction that ends badly after the number was taken."""


def main() -> None:
    """Arguments: organization id, how many processes, which one, how many transactions all of them give up."""
    django.setup()
    from django.db import transaction
    from django.utils import timezone

    from invoicing.actions.finalize import finalize_invoice
    from invoicing.models import Invoice
    from tests.factories.people import ACTOR

    organization, parts, part, aborted = UUID(sys.argv[1]), *map(int, sys.argv[2:])
    drafts = list(Invoice.objects.filter(organization=organization, status="draft").order_by("pk"))[
        part::parts
    ]
    to_give_up = aborted // parts + (part < aborted % parts)
    print("ready", flush=True)
    sys.stdin.readline()
    given_up = 0
    for place, draft in enumerate(drafts, 1):
        while given_up < to_give_up * place // len(drafts):
            try:
                with transaction.atomic():
                    finalize_invoice(draft, by=ACTOR, at=timezone.now())
                    raise GivenUp
            except GivenUp:
                given_up += 1
            draft = Invoice.objects.get(pk=draft.pk)
        assert finalize_invoice(draft, by=ACTOR, at=timezone.now()).number
    print(len(drafts), given_up, flush=True)


if __name__ == "__main__":
    main()
