"""Background work on customers."""

from __future__ import annotations

from celery import shared_task

from billing.actions import later
from customers.actions.delete import carry_out


@shared_task(name="customers.delete")
def delete(job_id: str) -> None:
    """The deletion cascade of a job."""
    later.run(job_id, carry_out)
