"""The words of e-mails: a billing entity's own where it has some in the language, else ours."""

from __future__ import annotations

from typing import Any

from billing.models import BillingEntity
from invoicing.documents.languages import WORDS, language_of
from invoicing.documents.mail_words import mail_words
from invoicing.documents.mails import MailFacts, MailText, compose
from invoicing.documents.mails import MailTemplate as Wording
from invoicing.models import MailWording

__all__ = ["Wording", "languages_with_own", "our_words", "own_words", "written"]


def written(kind: str, language: str, facts: MailFacts, entity: BillingEntity) -> MailText:
    """The e-mail in its language, in the words of the billing entity. Raises KeyError for an unknown kind."""
    form = "reminder_early" if kind == "reminder" and facts.days < 0 else kind
    return compose(kind, language, facts, own_words(entity, form, language))


def own_words(entity: BillingEntity, form: str, language: str) -> Wording | None:
    """Its own words in this language; None when it has none."""
    rows = MailWording.objects.filter(billing_entity=entity, form=form, language=language_of(language))
    row = rows.first()
    return Wording(row.subject, row.intro) if row else None


def our_words(form: str, language: str) -> Wording:
    """Ours in this language."""
    words = mail_words(language)
    return Wording(words[f"{form}.subject"], words[f"{form}.intro"])


def languages_with_own(entity: BillingEntity) -> dict[str, list[str]]:
    """{kind of e-mail: the languages that have own words}, in the order in which we list languages."""
    found: dict[str, list[str]] = {}
    rows: Any = MailWording.objects.filter(billing_entity=entity).values_list("form", "language")
    order = list(WORDS)
    for form, language in sorted(
        rows, key=lambda row: order.index(row[1]) if row[1] in order else len(order)
    ):
        found.setdefault(form, []).append(language)
    return found
