"""`/settings/billing-entities/<id>/mails`: which e-mails go out of themselves, and their words in each language."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from csp.decorators import csp_replace
from django.core.cache import cache
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from billing.actions.billing_entities import update_billing_entity
from billing.actions.clock import now
from billing.forms.lists import language_name
from billing.models import BillingEntity
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.letters import LETTER, letter_answer
from billing.web.requests import StaffRequest
from billing.web.throttle import allow_trial
from invoicing.actions.mail import mails_customers
from invoicing.actions.mail_settings import ask_for_trial, checked_words, reset_words, save_words
from invoicing.forms.mail_settings import AutomaticForm, WordsForm
from invoicing.models import Invoice
from invoicing.queries.mail_facts import mail_languages
from invoicing.queries.mail_files import logo_of
from invoicing.queries.mail_samples import sample_text, samples
from invoicing.queries.mail_wordings import Wording, languages_with_own, our_words, own_words
from invoicing.rules.mail_templates import KNOWN, PLACEHOLDERS

NAMES = {
    "invoice": ("Invoice", "With an issued invoice."),
    "credit_note": ("Credit note", "With an issued credit note."),
    "receipt": ("Receipt", "When a payment has come in."),
    "reminder_early": ("Reminder before the due date", "An unpaid invoice that is due soon."),
    "reminder": ("Reminder after the due date", "An invoice that was not paid in time."),
    "payment_request": ("Payment request", "Several invoices that are open."),
    "payment_failed": ("Failed payment", "A saved card that could not be charged, with a link to pay."),
}
DRAFT_SECONDS = 900


def find_entity(request: StaffRequest, key: UUID) -> BillingEntity:
    """A billing entity of the organization; else 404."""
    rows = BillingEntity.objects.of(request.organization).kept().select_related("organization")
    found: BillingEntity = rows.get_or_404(pk=key)
    return found


@access("settings.view", post="settings.edit")
@require_http_methods(["GET", "POST"])
def entity_mails(request: StaffRequest, id: UUID) -> HttpResponse:
    """What goes out of itself, and the kinds of e-mails with their own words."""
    entity = find_entity(request, id)
    form = AutomaticForm(request.POST if request.method == "POST" else None, entity=entity)
    if request.method == "POST" and form.is_valid():
        update_billing_entity(entity, form.values(), by=request.actor, at=now(request.organization))
        url = reverse("billing-entity-mails", args=[entity])
        return done(request, url, f"The e-mails of {entity.name} are saved.")
    own = languages_with_own(entity)
    context = {
        "entity": entity,
        "form": form,
        "may_edit": may(request.member, "settings.edit"),
        "mails_customers": mails_customers(entity),
        "kinds": [
            {
                "form": kind,
                "name": name,
                "about": about,
                "own": [language_name(code) for code in own.get(kind, [])],
            }
            for kind, (name, about) in NAMES.items()
        ],
    }
    status = 422 if form.errors else 200
    return render_page(request, "invoicing/billing_entities/mails.html", context, status=status)


@access("settings.view", post="settings.edit")
@require_http_methods(["GET", "POST"])
def entity_mail(request: StaffRequest, id: UUID, form: str) -> HttpResponse:
    """The words of one kind of e-mail in `?language=`, and below what is typed how it looks with a real invoice."""
    entity, kind = find_entity(request, id), known_kind(form)
    language = known_language(request, entity)
    own, ours = own_words(entity, kind, language), our_words(kind, language)
    posted = request.POST if request.method == "POST" else None
    initial = {"subject": (own and own.subject) or ours.subject, "intro": (own and own.intro) or ours.intro}
    rows = samples(entity, kind)
    words_form = WordsForm(posted, initial=initial, samples=rows)
    page = Page(request, entity, kind, language, words_form, rows)
    if posted is not None:
        answer = page.act(posted)
        if answer is not None:
            return answer
    context = page.context() | {"own": own, "ours": ours}
    sees = posted is not None and ("preview" in posted or request.htmx.target == "mail-preview")
    status = 422 if posted is not None and words_form.errors and not sees else 200
    return render_page(
        request, "invoicing/billing_entities/mail.html", context, partials=("mail-preview",), status=status
    )


def known_kind(form: str) -> str:
    """A kind of e-mail that has words; else 404."""
    if form not in KNOWN:
        raise Http404("There is no such e-mail.")
    return form


def known_language(request: StaffRequest, entity: BillingEntity) -> str:
    """The language that is asked for, else the billing entity's, else English."""
    codes = mail_languages()
    asked = request.GET.get("language", "")
    return next(code for code in (asked, entity.locale, "en") if code in codes)


class Page:
    """The words' page while it is answered: what was typed, and what comes of it."""

    def __init__(
        self,
        request: StaffRequest,
        entity: BillingEntity,
        kind: str,
        language: str,
        form: WordsForm,
        rows: list[Invoice],
    ) -> None:
        self.request, self.entity, self.kind, self.language = request, entity, kind, language
        self.form, self.rows, self.note = form, rows, ""

    @property
    def url(self) -> str:
        """The page's own address."""
        query = urlencode({"language": self.language})
        return f"{reverse('billing-entity-mail', args=[self.entity, self.kind])}?{query}"

    @property
    def words(self) -> Wording:
        """What is typed, or stored."""
        return Wording(*(str(self.form[name].value() or "") for name in ("subject", "intro")))

    @property
    def invoice(self) -> Invoice | None:
        """The invoice that the e-mail is looked at with; the latest unless another was chosen."""
        chosen = self.form["invoice"].value()
        return next(
            (row for row in self.rows if row.public_id == chosen), self.rows[0] if self.rows else None
        )

    def act(self, posted: Any) -> HttpResponse | None:
        """Save, reset, send a trial, or only look (None: the page is shown again)."""
        at, by = now(self.request.organization), self.request.actor
        if "reset" in posted:
            reset_words(self.entity, self.kind, self.language, by=by, at=at)
            return done(self.request, self.url, "Our words are back.")
        if not self.form.is_valid():
            return None
        try:
            if self.request.htmx.target == "mail-preview" or "preview" in posted:
                checked_words(self.kind, self.language, self.words)
            elif "trial" in posted:
                self.send_trial()
            else:
                save_words(self.entity, self.kind, self.language, self.words, by=by, at=at)
                return done(self.request, self.url, "The words are saved.")
        except BillingError as error:
            add_error(self.form, error)
        return None

    def send_trial(self) -> None:
        """To the person who asks, a few times an hour."""
        to = self.request.member.user.email
        if self.invoice is None:
            self.form.add_error(None, "There is no issued invoice to try it with yet.")
        elif not allow_trial(self.request):
            self.form.add_error(None, "That was a lot of trials. Try again in an hour.")
        else:
            ask_for_trial(
                self.entity, self.kind, self.language, self.words, self.invoice, to=to, token=self.form.token
            )
            self.note = f"A trial is on its way to {to}. Nothing is saved by it."

    def context(self) -> dict[str, Any]:
        """What the template shows."""
        invoice = self.invoice
        errors = bool(self.form.is_bound and self.form.errors)
        values: dict[str, Any] = {
            "entity": self.entity,
            "kind": self.kind,
            "name": NAMES[self.kind][0],
            "language": self.language,
            "languages": sorted(
                ((code, language_name(code)) for code in mail_languages()), key=lambda pair: pair[1]
            ),
            "form": self.form,
            "action_url": self.url,
            "note": self.note,
            "to": self.request.member.user.email,
            "placeholders": [(f"{{{name}}}", PLACEHOLDERS[name]) for name in KNOWN[self.kind]],
            "may_edit": may(self.request.member, "settings.edit"),
            "invoice": invoice,
        }
        if invoice is not None and not errors:
            words = self.words
            values["text"] = sample_text(self.kind, self.language, invoice, words)
            values["frame_url"] = self.frame_url(invoice, words)
        return values

    def frame_url(self, invoice: Invoice, words: Wording) -> str:
        """The address of the letter alone. What is typed may be too long for an address: it waits under a key."""
        draft = uuid4().hex
        cache.set(draft_key(self.request, draft), (words.subject, words.intro), DRAFT_SECONDS)
        query = urlencode({"language": self.language, "invoice": invoice.public_id, "draft": draft})
        return f"{reverse('billing-entity-mail-letter', args=[self.entity, self.kind])}?{query}"


def draft_key(request: StaffRequest, draft: str) -> str:
    """Of one person in one organization."""
    return f"mail-draft:{request.organization.pk}:{request.user.pk}:{draft}"


@require_safe
@access("settings.view")  # type: ignore[arg-type]
@csp_replace(LETTER)  # type: ignore[arg-type]
def entity_mail_letter(request: StaffRequest, id: UUID, form: str) -> HttpResponse:
    """The letter alone, for the frame: with `?draft=` as it was typed, else with the words that are stored."""
    entity, kind = find_entity(request, id), known_kind(form)
    language = known_language(request, entity)
    rows = samples(entity, kind)
    chosen = request.GET.get("invoice", "")
    invoice = next((row for row in rows if row.public_id == chosen), rows[0] if rows else None)
    if invoice is None:
        return letter_answer("<!doctype html><title>No invoice yet</title>")
    typed = cache.get(draft_key(request, request.GET.get("draft", "")[:32]))
    words = Wording(*typed) if typed else own_words(entity, kind, language)
    return letter_answer(sample_text(kind, language, invoice, words).html, logo_of(entity))
