"""What staff write down about a customer. A note is changed by its author alone; an admin may delete any.

Who may change customers may pin any note to the top.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions import audit
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, FieldErrors
from customers.models import Customer, Note

MAX_TEXT = 5000


def clean_text(text: str) -> str:
    """The text with its line breaks and without space around it, or FieldErrors."""
    cleaned = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if not cleaned:
        raise FieldErrors([("text", "Write something.")])
    if len(cleaned) > MAX_TEXT:
        raise FieldErrors([("text", f"At most {MAX_TEXT:,} characters.")])
    return cleaned


def is_author(note: Note, by: Actor) -> bool:
    """Whether this person wrote the note."""
    return by.user_id is not None and note.author_id == by.user_id


@transaction.atomic
def add_note(customer: Customer, text: str, *, pinned: bool = False, by: Actor, at: datetime) -> Note:
    """A new note."""
    note = Note.objects.create(
        organization=customer.organization,
        customer=customer,
        author_id=by.user_id,
        author_label=by.label,
        text=clean_text(text),
        pinned=pinned,
    )
    changes = {"text": ("", note.text)}
    audit.record(note.organization, "note.created", note, by=by, at=at, customer=customer, changes=changes)
    return note


@transaction.atomic
def edit_note(note: Note, text: str, *, pinned: bool, by: Actor, at: datetime) -> Note:
    """Another text, or pinned to the top. Nothing is written when nothing differs. A deleted one is a Conflict."""
    note = lock_note(note)
    cleaned = clean_text(text)
    wanted = {"text": cleaned, "pinned": pinned}
    return write(note, wanted, by=by, at=at)


@transaction.atomic
def pin_note(note: Note, *, pinned: bool, by: Actor, at: datetime) -> Note:
    """To the top, or back to its place by age. Nothing is written when it is there. A deleted one is a Conflict."""
    return write(lock_note(note), {"pinned": pinned}, by=by, at=at)


def lock_note(note: Note) -> Note:
    """The row as it is now, locked. Raises Conflict when somebody has deleted it."""
    found: Note = Note.objects.select_for_update(of=("self",)).get(pk=note.pk)
    if found.deleted_at:
        raise Conflict("This note was deleted.", code="note_deleted")
    return found


def write(note: Note, wanted: dict[str, Any], *, by: Actor, at: datetime) -> Note:
    """Give a locked note these values and tell of those that differ."""
    changes = {
        name: (getattr(note, name), value) for name, value in wanted.items() if getattr(note, name) != value
    }
    if not changes:
        return note
    if "text" in changes:
        note.edited_at = at
    for name, value in wanted.items():
        setattr(note, name, value)
    note.save()
    customer = note.customer
    audit.record(note.organization, "note.updated", note, by=by, at=at, customer=customer, changes=changes)
    return note


@transaction.atomic
def delete_note(note: Note, *, by: Actor, at: datetime) -> None:
    """Gone from the page; the audit trail keeps that it was there, and what it said. Again: nothing happens."""
    found: Note = Note.objects.select_for_update(of=("self",)).get(pk=note.pk)
    if found.deleted_at:
        return
    found.deleted_at = at
    found.save(update_fields=["deleted_at", "updated_at"])
    changes = {"text": (found.text, "")}
    customer = found.customer
    audit.record(found.organization, "note.deleted", found, by=by, at=at, customer=customer, changes=changes)


@transaction.atomic
def restore_note(note: Note, *, by: Actor, at: datetime) -> Note:
    """Deleting taken back: the same note in its old place. Again: nothing happens."""
    found: Note = Note.objects.select_for_update(of=("self",)).get(pk=note.pk)
    if not found.deleted_at:
        return found
    found.deleted_at = None
    found.save(update_fields=["deleted_at", "updated_at"])
    changes = {"text": ("", found.text)}
    customer = found.customer
    audit.record(found.organization, "note.restored", found, by=by, at=at, customer=customer, changes=changes)
    return found
