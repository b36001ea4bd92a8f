"""Handing an e-mail to the mail server of Django's settings, and what its answer means.

Law: `Refused` is for good (the server said 5xx to it, or the mail cannot be written); `NotNow` is worth another try
(4xx, no connection, no answer in time, a password that the operator has to correct). What the server took for some of
the addresses is sent; `send` says for which it was not.
"""

from __future__ import annotations

import smtplib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.mime.image import MIMEImage
from email.utils import formataddr, parseaddr
from typing import Any, cast

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.message import BadHeaderError, SafeMIMEMultipart, sanitize_address

MOST_WORDS = 300


class NotNow(Exception):
    """The mail server did not take it now."""


class Refused(Exception):
    """The mail server does not take it."""


@dataclass(frozen=True)
class Letter:
    """An e-mail ready to go. `reference` makes its Message-ID: a repeat has the same, so that mailboxes can tell.
    `files` are (name, bytes, media type); `logo` is a PNG for `cid:logo`.
    """

    reference: str
    sender_name: str
    to: Sequence[str]
    subject: str
    text: str
    html: str
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    reply_to: str = ""
    files: Sequence[tuple[str, bytes, str]] = ()
    logo: bytes = b""


def send(letter: Letter) -> dict[str, str]:
    """Hand it over: {address: what the server said} of those whom it did not take it for, while it did for others.
    Raises `NotNow` or `Refused` with a sentence for staff.
    """
    try:
        return refused_of(hand_over(message_of(letter)))
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        who = listed(refused_of(error.recipients))
        raise (NotNow if any(400 <= code < 500 for code in codes) else Refused)(who[:MOST_WORDS]) from error
    except smtplib.SMTPAuthenticationError as error:
        said = words(error.smtp_code, error.smtp_error)
        raise NotNow(f"The mail server does not let us sign in: {said}"[:MOST_WORDS]) from error
    except smtplib.SMTPResponseException as error:
        kind = Refused if error.smtp_code >= 500 else NotNow
        raise kind(words(error.smtp_code, error.smtp_error)[:MOST_WORDS]) from error
    except smtplib.SMTPServerDisconnected as error:
        silent = isinstance(error.__context__, TimeoutError)
        text = "did not answer in time" if silent else "hung up"
        raise NotNow(f"The mail server {text}.") from error
    except smtplib.SMTPNotSupportedError as error:
        raise Refused(str(error)[:MOST_WORDS]) from error
    except (BadHeaderError, UnicodeError) as error:
        raise Refused(
            "The e-mail cannot be written: a name or an address has characters that mails cannot carry."
        ) from error
    except TimeoutError as error:
        raise NotNow("The mail server did not answer in time.") from error
    except (OSError, smtplib.SMTPException) as error:
        raise NotNow(f"The mail server could not be reached: {error}"[:MOST_WORDS]) from error


def hand_over(message: EmailMultiAlternatives) -> Mapping[str, tuple[int, Any]]:
    """Send it through Django's connection; whom an SMTP server refused, which Django itself would not tell."""
    with get_connection() as connection:
        session = getattr(connection, "connection", None)
        if isinstance(session, smtplib.SMTP):
            sender = sanitize_address(message.from_email, "utf-8")
            content = cast(SafeMIMEMultipart, message.message()).as_bytes(linesep="\r\n")
            return session.sendmail(sender, message.recipients(), content)
        connection.send_messages([message])
    return {}


def refused_of(answers: Mapping[str, tuple[int, Any]]) -> dict[str, str]:
    """smtplib's answers by address, in words."""
    return {address: words(code, text) for address, (code, text) in answers.items()}


def listed(refused: Mapping[str, str]) -> str:
    """Addresses with what the server said to each, for staff."""
    return "; ".join(f"{address}: {said}" for address, said in refused.items())


def words(code: int, text: Any) -> str:
    """ "550 No such user", whatever type the server's words have."""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return f"{code} {' '.join(said.split())}"


def message_of(letter: Letter) -> EmailMultiAlternatives:
    """Django's message: text and HTML, the logo beside them, then the files."""
    _, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    message = EmailMultiAlternatives(
        letter.subject,
        letter.text,
        formataddr((letter.sender_name, address)) if letter.sender_name else settings.DEFAULT_FROM_EMAIL,
        to=list(letter.to),
        cc=list(letter.cc),
        bcc=list(letter.bcc),
        reply_to=[letter.reply_to] if letter.reply_to else [],
        headers={
            "Message-ID": f"<{letter.reference}@{address.rpartition('@')[2] or 'localhost'}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    message.attach_alternative(letter.html, "text/html")
    if letter.logo:
        picture = MIMEImage(letter.logo, "png")
        picture.add_header("Content-ID", "<logo>")
        picture.add_header("Content-Disposition", "inline", filename="logo.png")
        message.attach(picture)
    for name, content, kind in letter.files:
        message.attach(name, content, kind)
    return message
