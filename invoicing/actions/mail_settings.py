"""Which e-mails go out of themselves, the billing entity's own words for them, and a trial to oneself."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing.actions import audit, later
from billing.models import BillingEntity, Job
from billing.orm.actor import Actor
from billing.rules.errors import Invalid
from invoicing.actions.mail import WAITS, sender_name
from invoicing.clients import mailer
from invoicing.documents.languages import WORDS
from invoicing.documents.mails import MailTemplate
from invoicing.models import Invoice, MailWording
from invoicing.queries.mail_files import logo_of
from invoicing.queries.mail_samples import sample_text
from invoicing.queries.mail_wordings import our_words
from invoicing.rules.mail_templates import KNOWN, MOST_INTRO, MOST_SUBJECT, checked

TRIAL = "invoicing.mail_trial"
TRIAL_MARK = "[Trial] "
TRIES = 3


def checked_words(form: str, language: str, words: MailTemplate) -> MailTemplate:
    """Words that can be stored: of a known kind and language, with known placeholders; what is as ours says is left
    empty, so that ours may get better. Raises Invalid (fields form, language, subject, intro).
    """
    if form not in KNOWN:
        raise Invalid("There is no such e-mail.", code="unknown", field="form")
    if language not in WORDS:
        raise Invalid("We have no words in this language.", code="unknown", field="language")
    ours = our_words(form, language)
    found = {}
    for name, most in (("subject", MOST_SUBJECT), ("intro", MOST_INTRO)):
        text = checked(form, getattr(words, name).replace("\r\n", "\n"), name)
        if len(text) > most:
            raise Invalid(f"{most} characters are the most.", code="too_long", field=name)
        found[name] = "" if text == getattr(ours, name) else text
    return MailTemplate(**found)


@transaction.atomic
def save_words(
    entity: BillingEntity, form: str, language: str, words: MailTemplate, *, by: Actor, at: datetime
) -> MailWording | None:
    """Put a billing entity's own words in place of ours, or ours in place of its own when nothing differs."""
    words = checked_words(form, language, words)
    entity = BillingEntity.objects.select_for_update(of=("self",)).get(pk=entity.pk)
    mine = MailWording.objects.filter(billing_entity=entity, form=form, language=language)
    old = mine.first()
    before = (old.subject, old.intro) if old else ("", "")
    after = (words.subject, words.intro)
    if before == after:
        return old
    if not any(after):
        mine.delete()
        row = None
    else:
        row, _ = MailWording.objects.update_or_create(
            billing_entity=entity,
            form=form,
            language=language,
            defaults={"organization_id": entity.organization_id, "subject": after[0], "intro": after[1]},
        )
    changes = {
        f"{form} {language} {name}": (old_text, new_text)
        for name, old_text, new_text in zip(("subject", "introduction"), before, after, strict=True)
        if old_text != new_text
    }
    audit.record(entity.organization, "billing_entity.updated", entity, by=by, at=at, changes=changes)
    return row


def reset_words(entity: BillingEntity, form: str, language: str, *, by: Actor, at: datetime) -> None:
    """Ours again."""
    save_words(entity, form, language, MailTemplate(), by=by, at=at)


def ask_for_trial(
    entity: BillingEntity,
    form: str,
    language: str,
    words: MailTemplate,
    invoice: Invoice,
    *,
    to: str,
    token: str,
) -> Job:
    """Have an e-mail sent to a member of staff, as a customer would get it, without files. Raises Invalid as
    `checked_words` does.
    """
    words = checked_words(form, language, words)
    args = [form, language, words.subject, words.intro, str(invoice.pk), to]
    return later.enqueue(
        entity.organization,
        TRIAL,
        key=f"trial:{token}",
        label=f"Trial e-mail to {to}",
        subject_id=entity.pk,
        args=args,
    )


def send_trial(job: Job) -> None:
    """Send it, in a worker. Raises `later.TryAgain` for a passing fault."""
    form, language, subject, intro, invoice_id, to = job.args
    invoice = (
        Invoice.objects.of(job.organization_id)
        .select_related("billing_entity", "customer")
        .get(pk=UUID(invoice_id))
    )
    entity = BillingEntity.objects.of(job.organization_id).get(pk=job.subject_id)
    text = sample_text(form, language, invoice, MailTemplate(subject, intro))
    letter = mailer.Letter(
        reference=f"trial-{job.pk.hex}",
        sender_name=sender_name(entity),
        to=[to],
        reply_to=entity.email,
        subject=f"{TRIAL_MARK}{text.subject}",
        text=text.text,
        html=text.html,
        logo=logo_of(entity) if "cid:logo" in text.html else b"",
    )
    try:
        mailer.send(letter)
    except mailer.NotNow as error:
        if job.attempts > TRIES:
            raise
        raise later.TryAgain(str(error), after=WAITS[job.attempts - 1]) from error
