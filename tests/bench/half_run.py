"""One of two processes that share a billing run, as the worker's two processes do: `python -m tests.bench.half_run`.

Says "ready" when Django is up, waits for a line, then bills one organization from its end and prints how many
invoices it made and finalised.
"""

from __future__ import annotations

import sys
from datetime import datetime

import django


def main() -> None:
    """Arguments: organization id, moment of billing, moment of finalising, forwards or backwards."""
    django.setup()
    from django.db.models import Q

    from invoicing.actions.billing_run import RunResult, bill_customers, finalize_drafts

    organization_id, due_at, final_at, direction = sys.argv[1:]
    backwards = direction == "backwards"
    where = Q(organization_id=organization_id)
    result = RunResult()
    print("ready", flush=True)
    sys.stdin.readline()
    bill_customers(where, datetime.fromisoformat(due_at), result, backwards=backwards)
    print("billed", result.invoices, flush=True)
    sys.stdin.readline()
    finalize_drafts(where, datetime.fromisoformat(final_at), result, backwards=backwards)
    if result.failed:
        raise SystemExit(result.failed[0])
    print("finalized", result.finalized, flush=True)


if __name__ == "__main__":
    main()
