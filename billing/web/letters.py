"""The HTML of an e-mail as an answer, for a frame within our pages: it runs nothing and fetches nothing."""

from __future__ import annotations

from base64 import b64encode

from django.http import HttpResponse

# Its sizes stand in attributes, as mail programs need them; everything else is shut.
LETTER = {
    "default-src": ["'none'"],
    "script-src": ["'none'"],
    "connect-src": ["'none'"],
    "font-src": ["'none'"],
    "frame-src": ["'none'"],
    "form-action": ["'none'"],
    "img-src": ["data:"],
    "style-src": ["'unsafe-inline'"],
    "sandbox": True,
}


def letter_answer(html: str, logo: bytes = b"") -> HttpResponse:
    """The page, its logo within it. The view has `csp_replace(LETTER)`."""
    picture = f"data:image/png;base64,{b64encode(logo).decode()}" if logo else "data:,"
    response = HttpResponse(html.replace("cid:logo", picture))
    response["Cache-Control"] = "no-store, private"
    response["X-Content-Type-Options"] = "nosniff"
    return response
