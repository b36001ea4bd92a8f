"""What all catalogue actions share: rows are checked with messages per field, and codes are unique.

A second submit of the same form meets its own code, so it is refused at the field `code` and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from billing.orm.scoped import Kept
from billing.rules.errors import BillingError, Conflict, FieldErrors, Invalid


def lock(row: Any) -> Any:
    """The row as it is now, locked until the transaction ends. A deleted one is a Conflict."""
    found = type(row).objects.select_for_update(of=("self",)).get(pk=row.pk)
    if found.deleted_at is not None:
        raise Conflict(f"This {found._meta.verbose_name} has been deleted.", code="deleted")
    return found


def assign(row: Any, changes: Mapping[str, Any], allowed: Iterable[str]) -> None:
    """Set the columns named in `changes`; any other name is a programming error."""
    unknown = set(changes) - set(allowed)
    if unknown:
        raise LookupError(f"Cannot change {', '.join(sorted(unknown))}.")
    for name, value in changes.items():
        setattr(row, name, value.strip() if isinstance(value, str) else value)


def check_fields(row: Kept) -> None:
    """Raise FieldErrors for columns whose value the model refuses (length, choice, format)."""
    try:
        row.clean_fields()
    except ValidationError as error:
        pairs = [(name, text) for name, texts in error.message_dict.items() for text in texts]
        raise FieldErrors(pairs) from error


def check_code(row: Any) -> None:
    """Raise Conflict when another kept row of the organization has this code."""
    others = type(row).objects.of(row.organization_id).kept().filter(code=row.code).exclude(pk=row.pk)
    if others.exists():
        raise code_taken(row)


def code_taken(row: Any) -> Conflict:
    """The answer to a duplicate code, found before or (by two at once) while writing."""
    noun = row._meta.verbose_name
    return Conflict(f"Another {noun} has the code {row.code}.", code="code_taken", field="code")


@contextmanager
def under(path: str) -> Iterator[None]:
    """Errors inside are about a part: `prices[1]` and amount become `prices[1].amount`."""
    try:
        yield
    except BillingError as error:
        error.field = f"{path}.{error.field}" if error.field else path
        if isinstance(error, FieldErrors):
            error.errors = [(f"{path}.{name}", text) for name, text in error.errors]
        raise


def save(row: Any) -> None:
    """Check and write a row whose code must be unique."""
    check_fields(row)
    check_code(row)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        check_code(row)
        raise Invalid("These values do not go together.") from error
