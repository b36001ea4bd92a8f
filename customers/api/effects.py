"""What an act would do to invoices, as the API shows it."""

from __future__ import annotations

from billing.rules.money import from_minor
from customers.queries.shapes import ActEffectOut, ForeseenNoteOut
from invoicing.actions.effects import Effect
from invoicing.models import CreditNote
from invoicing.queries.payloads_coming import coming_payload


def effect_payload(effect: Effect) -> ActEffectOut:
    """The invoices until `until` without the act and with it, and the credit for unused days."""
    return {
        "until": effect.until,
        "before": [coming_payload(item) for item in effect.before],
        "after": [coming_payload(item) for item in effect.after],
        "creditNotes": [note_payload(note) for note in effect.given_back.notes],
    }


def note_payload(note: CreditNote) -> ForeseenNoteOut:
    """A credit note that is not made."""
    return {
        "description": note.description,
        "currency": note.currency,
        "total": from_minor(note.total_minor, note.currency),
    }
