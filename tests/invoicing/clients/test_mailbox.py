"""E-mails that Django's file backend has written, read back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from invoicing.clients import mailer
from invoicing.clients.mailbox import newest
from tests.factories.world import small_png


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """Where the e-mails go."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    return tmp_path


def letter(number: int) -> mailer.Letter:
    """An e-mail with all that one can have."""
    return mailer.Letter(
        reference=f"mail_{number}",
        sender_name="Añdré",
        to=["One@globex.example"],
        cc=["two@globex.example"],
        subject=f"Rechnung Nº {number} – für Sie",
        text="Größe: 1.234,50 €\n" + "-" * 20,
        html=f"<p>Größe {number}</p><img src='cid:logo'>",
        files=[("Rechnung ä.pdf", b"%PDF-1.7\n\xff", "application/pdf")],
        logo=small_png(),
    )


def test_what_was_written_is_read_back_newest_first(folder: Path) -> None:
    for number in (1, 2):
        mailer.send(letter(number))
        for path in folder.iterdir():
            if path.stat().st_mtime > 10_000:  # just written
                os.utime(path, (1000 * number, 1000 * number))
    first, second = newest(folder)
    assert (first.reference.partition("@")[0], second.reference.partition("@")[0]) == ("mail_2", "mail_1")
    assert first.subject == "Rechnung Nº 2 – für Sie"
    assert first.to == ("one@globex.example", "two@globex.example")
    assert "Größe: 1.234,50 €" in first.text and "<p>Größe 2</p>" in first.html
    [file] = first.files
    assert (file.name, file.kind, file.content) == ("Rechnung ä.pdf", "application/pdf", b"%PDF-1.7\n\xff")
    assert first.logo == small_png()


def test_what_is_no_e_mail_is_left_out(folder: Path, tmp_path: Path) -> None:
    (folder / "a.log").write_bytes(b"\x00\xff\n\n")
    (folder / "b.log").write_bytes(b"")
    (folder / "c.txt").write_bytes(b"To: a@b.example\n\nx")
    assert list(newest(folder)) == []
    assert list(newest(tmp_path / "nowhere")) == []
