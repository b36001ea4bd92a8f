"""Background work on customers."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from billing.actions import later
from customers.actions import bulk as bulk_acts
from customers.actions import clock_moves, export, tag_list, vat_queue
from customers.actions import erase as erasing
from customers.actions.delete import carry_out
from customers.actions.statements import print_statement

__all__ = ["export"]  # what a worker writes files of


@shared_task(name="customers.delete")
def delete(job_id: str) -> None:
    """The deletion cascade of a job."""
    later.run(job_id, carry_out)


@shared_task(name="customers.erase")
def erase(job_id: str) -> None:
    """The erasing of a deleted customer's personal data."""
    later.run(job_id, erasing.carry_out)


@shared_task(name="customers.bulk")
def bulk(job_id: str) -> None:
    """The rows of an act on many customers."""
    later.run(job_id, bulk_acts.carry_out)


@shared_task(name="customers.index_tag")
def index_tag(job_id: str) -> None:
    """The search of customers after a tag was renamed or deleted."""
    later.run(job_id, tag_list.index)


@shared_task(name="customers.move_clock")
def move_clock(job_id: str) -> None:
    """A sandbox's clock goes from stop to stop to where it was asked to go."""
    later.run(job_id, clock_moves.carry_out)


@shared_task(name="customers.check_vat")
def check_vat() -> None:
    """Beat, each minute: confirmations by hand that are over, and the VAT checks that are due."""
    vat_queue.run(timezone.now())


@shared_task(name="customers.print_statement")
def print_file(job_id: str) -> None:
    """The PDF of a statement of account."""
    later.run(job_id, print_statement)
