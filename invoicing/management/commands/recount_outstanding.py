"""`manage.py recount_outstanding [--repair]`: are the kept sums of unpaid invoices right?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.rules.ids import encode
from invoicing.actions.outstanding import recount_outstanding
from invoicing.queries.outstanding import differing_sums


class Command(BaseCommand):
    """Lists what differs. It fails while something does, so that a nightly job can tell; `--repair` puts it right."""

    help = "Compare the kept sums of unpaid invoices with a recount."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repair", action="store_true", help="write what the recount gives")

    def handle(self, *args: Any, **options: Any) -> None:
        found = recount_outstanding() if options["repair"] else differing_sums()
        for row in found:
            customer = encode("cust", row.customer_id)
            self.stdout.write(
                f"{customer} {row.currency}: kept {row.kept_minor}, counted {row.counted_minor}"
            )
        if found and not options["repair"]:
            raise CommandError(f"{len(found)} differ. Use --repair to write what was counted.")
        self.stdout.write(f"{len(found)} put right." if found else "All sums are right.")
