"""Answers are sent compressed where that helps and gives nothing away.

What is compressed tells by its length whether two parts of it are alike (the attack is called BREACH): who can make a
browser ask for a page with a guess in its address, often, and sees how long each answer is, can guess what else
stands in it. Pages are compressed all the same, because
- another site's requests come without the session (`SameSite=Lax`) unless they lead the whole window to us, a guess a
  time and before the person's eyes;
- what would be worth it, the form token, is masked anew in each answer, and Django adds up to 100 random bytes.
What opens something for good is not: keys shown once, second factors, links (all of them `private, no-store`). The
API's answers are asked for with a key, which no other site can send.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

TEXTS = (
    "text/",
    "application/json",
    "application/xml",
    "image/svg+xml",
)  # files of other kinds are packed already
SECRET = frozenset({"private", "no-store"})


class CompressionMiddleware(GZipMiddleware):
    """gzip for texts that may be kept."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The answer, smaller where it may be."""
        kept = {word.strip() for word in response.get("Cache-Control", "").split(",")}
        if kept >= SECRET or not response.get("Content-Type", "").startswith(TEXTS):
            return response
        return super().process_response(request, response)
