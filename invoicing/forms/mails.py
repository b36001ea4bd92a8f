"""The form of an e-mail with a document."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.forms.lists import language_name
from billing.rules.errors import Invalid
from billing.web.once import OnceForm
from invoicing.queries.mail_facts import mail_languages
from invoicing.rules.addresses import addresses, split


def language_choices(own: str) -> list[tuple[str, str]]:
    """The languages that mails have words in, with the document's own, however it is spelled."""
    codes = list(dict.fromkeys([*mail_languages(), own or "en"]))
    return sorted(((code, language_name(code)) for code in codes), key=lambda choice: choice[1])


class AddressesField(forms.CharField):
    """Addresses between commas, blanks or line breaks; a list once clean."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(
            attrs={"inputmode": "email", "autocapitalize": "none", "spellcheck": "false"}
        )
        super().__init__(max_length=2000, widget=widget, **kwargs)

    def clean(self, value: Any) -> Any:
        """The addresses; the first that is none is named."""
        try:
            return addresses(split(super().clean(value)), "")
        except Invalid as error:
            raise forms.ValidationError(str(error)) from error


class MailForm(OnceForm):
    """To whom, in which language, with which words of one's own."""

    to = AddressesField(label="To")
    cc = AddressesField(label="Cc", required=False)
    bcc = AddressesField(label="Bcc", required=False)
    language = forms.ChoiceField()
    note = forms.CharField(
        required=False,
        max_length=1000,
        help_text="A few words of your own, below the introduction.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, known: list[str], language: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].initial = known[0] if known else ""
        self.fields["to"].help_text = (
            f"Also known: {', '.join(known[1:])}." if known[1:] else "Several: with commas between them."
        )
        self.copies = any(self[name].value() for name in ("cc", "bcc"))
        choices = self.fields["language"]
        choices.choices = language_choices(language)  # type: ignore[attr-defined]
        choices.initial = language or "en"
