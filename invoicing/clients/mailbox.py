"""The mailbox of a machine without a mail server: Django's file backend writes each e-mail to a file, read here.

A file that cannot be read or is no e-mail is left out; only the newest are looked at. Nothing is written;
those of somebody whose data is erased are taken away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses
from pathlib import Path

MOST_FILES = 300
MOST_BYTES = 25_000_000
END = b"\n" + b"-" * 79 + b"\n"


@dataclass(frozen=True)
class Enclosure:
    """A file in an e-mail."""

    name: str
    kind: str
    content: bytes


@dataclass(frozen=True)
class Kept:
    """An e-mail that a mail server would have been given. `reference` is its Message-ID without the brackets; `to`
    are all its addresses, copies included, in small letters.
    """

    reference: str
    at: datetime
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    files: tuple[Enclosure, ...]
    logo: bytes = b""


def newest(folder: Path) -> Iterator[Kept]:
    """The e-mails in a folder, the newest first."""
    try:
        found = [(path.stat().st_mtime, path) for path in folder.glob("*.log")]
    except OSError:
        return
    for changed, path in sorted(found, reverse=True)[:MOST_FILES]:
        yield from reversed(list(read(path, datetime.fromtimestamp(changed, UTC))))


def drop(folder: Path, references: Collection[str]) -> int:
    """Take e-mails out of a folder, by their references without what follows the @. How many files were changed."""
    changed = 0
    for path in folder.glob("*.log"):
        try:
            parts = path.read_bytes().split(END)
        except OSError:
            continue
        stay = [part for part in parts if reference(part) not in references]
        if len(stay) == len(parts):
            continue
        changed += 1
        if any(part.strip() for part in stay):
            path.write_bytes(END.join(stay))
        else:
            path.unlink(missing_ok=True)
    return changed


def reference(part: bytes) -> str:
    """The reference of an e-mail in a file, without what follows the @."""
    message = BytesParser(policy=policy.default).parsebytes(part, headersonly=True)
    return str(message["Message-ID"] or "").strip(" <>").partition("@")[0]


def read(path: Path, at: datetime) -> Iterator[Kept]:
    """The e-mails of one file."""
    try:
        content = path.read_bytes() if path.stat().st_size <= MOST_BYTES else b""
    except OSError:
        return
    for part in content.split(END):
        if part.strip():
            message = BytesParser(policy=policy.default).parsebytes(part)
            if isinstance(message, EmailMessage) and message["To"]:
                yield kept(message, at)


def kept(message: EmailMessage, at: datetime) -> Kept:
    """A parsed message. The date is the file's: a message repeated later has its first one."""
    addresses = getaddresses([str(message[name]) for name in ("To", "Cc", "Bcc") if message[name]])
    files, logo = [], b""
    for part in message.walk():
        if part.get("Content-ID") == "<logo>":
            logo = bytes(part.get_payload(decode=True) or b"")
        elif part.get_content_disposition() == "attachment":
            payload = part.get_payload(decode=True)
            content = payload if isinstance(payload, bytes) else b""
            files.append(Enclosure(part.get_filename() or "file", part.get_content_type(), content))
    return Kept(
        reference=str(message["Message-ID"] or "").strip(" <>"),
        at=at,
        sender=str(message["From"] or ""),
        to=tuple(address.lower() for _, address in addresses if address),
        subject=str(message["Subject"] or ""),
        text=text_of(message, "plain"),
        html=text_of(message, "html"),
        files=tuple(files),
        logo=logo,
    )


def text_of(message: EmailMessage, form: str) -> str:
    """The body in one form; empty when it has none."""
    body = message.get_body((form,))
    try:
        return str(body.get_content()) if body is not None else ""
    except (LookupError, UnicodeError):  # a charset that nobody knows
        return ""
