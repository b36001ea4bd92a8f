"""A form that is sent twice (double click, reload, slow network) acts once.

The form carries a random token; the first POST of the token claims it. An act that fails gives the token
back, so that the corrected form can be sent.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from django import forms
from django.core.cache import cache

KEEP_SECONDS = 24 * 3600


class OnceForm(forms.Form):
    """A form with a one-time token."""

    once = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["once"].initial = secrets.token_hex(16)

    @property
    def token(self) -> str:
        """The token that was sent; also a good idempotency key for what the form does."""
        return str(self.cleaned_data.get("once") or secrets.token_hex(16))


@contextmanager
def claimed(form: OnceForm) -> Iterator[bool]:
    """True when this is the first POST of the form's token, False for a repeat."""
    key = f"once:{form.token}"
    first = cache.add(key, 1, KEEP_SECONDS)
    try:
        yield first
    except Exception:
        if first:
            cache.delete(key)
        raise
