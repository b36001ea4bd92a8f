"""Notes of staff about a customer: writing, changing and deleting them. They are read on the Overview tab."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest
from customers.actions.notes import add_note, delete_note, edit_note, is_author, pin_note, restore_note
from customers.forms.notes import NoteForm
from customers.models import Customer, Note
from customers.views.frame import find_customer

SHOWN, MOST = 5, 500
CHANGED = ("notes-changed",)


def notes_of(request: StaffRequest, customer: Customer) -> dict[str, Any]:
    """The card's context: notes, pinned ones first, with what this member may do to each, and whether there are more.

    `?notes=all` shows all. One query.
    """
    can = may(request.member, "customers.edit") and not customer.deleting_at
    most = MOST if request.GET.get("notes") == "all" else SHOWN
    found = list(Note.objects.of(request.organization).kept().filter(customer=customer)[: most + 1])
    return {
        "notes": [
            {
                "note": note,
                "pin_url": reverse("note-pin", args=[note]) if can else "",
                "edit_url": reverse("note-edit", args=[note])
                if can and is_author(note, request.actor)
                else "",
                "delete_url": reverse("note-delete", args=[note])
                if can and may_delete(request, note)
                else "",
            }
            for note in found[:most]
        ],
        "more_notes": len(found) > most,
        "all_notes": most == MOST,
        "note_add_url": reverse("customer-note-add", args=[customer]) if can else "",
    }


def may_delete(request: StaffRequest, note: Note) -> bool:
    """The author, and admins."""
    return is_author(note, request.actor) or request.member.role == "admin"


def find_note(request: StaffRequest, id: UUID) -> Note:
    """A note of the organization about a customer that is not deleted, itself deleted or not; else 404."""
    rows = Note.objects.of(request.organization).filter(customer__deleted_at=None)
    note: Note = rows.select_related("customer").get_or_404(pk=id)
    return note


def find_kept(request: StaffRequest, id: UUID) -> Note:
    """One that is not deleted; else 404."""
    note = find_note(request, id)
    if note.deleted_at:
        raise Http404("No such note.")
    return note


@require_http_methods(["GET", "POST"])
@access("customers.edit")
def add(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer "Add a note"."""
    customer = find_customer(request, id)
    form = NoteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            add_note(customer, **form.cleaned_data, by=request.actor, at=now(request.organization))
            return done(request, reverse("customer", args=[customer]), "Note added.", events=CHANGED)
        except BillingError as error:
            add_error(form, error)
    return drawer(request, form, customer, title="Add a note", submit="Add note")


@require_http_methods(["GET", "POST"])
@access("customers.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """Its author may change a note."""
    note = find_kept(request, id)
    if not is_author(note, request.actor):
        raise PermissionDenied("Only its author may change a note.")
    form = NoteForm(request.POST or None, initial={"text": note.text, "pinned": note.pinned})
    if request.method == "POST" and form.is_valid():
        try:
            edit_note(note, **form.cleaned_data, by=request.actor, at=now(request.organization))
            return done(request, reverse("customer", args=[note.customer]), "Note saved.", events=CHANGED)
        except BillingError as error:
            add_error(form, error)
    return drawer(request, form, note.customer, title="Edit note", submit="Save note")


def drawer(request: StaffRequest, form: NoteForm, customer: Customer, **words: Any) -> HttpResponse:
    """The form in the drawer, or as a page."""
    context = words | {"form": form, "customer": customer, "action": request.path}
    status = 422 if form.is_bound else 200
    return render_page(request, "customers/notes/form.html", context, partials=("drawer",), status=status)


@require_http_methods(["GET", "POST"])
@access("customers.edit")
def delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """Its author and admins may delete a note, once asked; the message has an Undo."""
    note = find_kept(request, id)
    if not may_delete(request, note):
        raise PermissionDenied("Only its author and admins may delete a note.")
    if request.method == "POST":
        delete_note(note, by=request.actor, at=now(request.organization))
        page, undo = reverse("customer", args=[note.customer]), reverse("note-restore", args=[note])
        return done(request, page, "Note deleted.", events=CHANGED, undo_url=undo)
    context = {"note": note, "customer": note.customer, "action": request.path}
    return render_page(request, "customers/notes/delete.html", context, partials=("dialog",))


@require_POST
@access("customers.edit")
def restore(request: StaffRequest, id: UUID) -> HttpResponse:
    """The Undo of deleting, for whoever may delete."""
    note = find_note(request, id)
    if not may_delete(request, note):
        raise PermissionDenied("Only its author and admins may bring back a note.")
    restore_note(note, by=request.actor, at=now(request.organization))
    return done(request, reverse("customer", args=[note.customer]), "The note is back.", events=CHANGED)


@require_POST
@access("customers.edit")
def pin(request: StaffRequest, id: UUID) -> HttpResponse:
    """To the top with `pinned=on`, else back to its place; one click, and the card shows the new order."""
    note = find_kept(request, id)
    pin_note(note, pinned=bool(request.POST.get("pinned")), by=request.actor, at=now(request.organization))
    return done(request, f"{reverse('customer', args=[note.customer])}#notes", events=CHANGED)
