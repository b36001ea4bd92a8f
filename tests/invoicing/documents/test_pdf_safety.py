"""Nothing that a person can write makes the renderer fetch an address, read a file, or change the document."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pypdf import PdfReader

from invoicing.documents.clean import clean
from invoicing.documents.data import Deduction, Party, TaxRow
from invoicing.documents.pdf import Locked, render_pdf
from tests.factories.documents import make_document, make_line, pdf_text


@pytest.fixture(scope="module")
def trap() -> Iterator[tuple[str, list[str]]]:
    """A local web server and the list of what was asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/css")
            self.end_headers()
            self.wfile.write(b"body { background: red }")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


def attacks(base: str, secret: Path) -> list[str]:
    """Texts that fetch or embed something when they are not escaped or not refused."""
    return [
        f"<img src={base}/img>",
        f'"><img src="{base}/quote">',
        f"<link rel=stylesheet href={base}/css>",
        f"<link rel=attachment href=file://{secret}>",
        f"<a rel=attachment href=file://{secret}>x</a>",
        f"<style>@import url({base}/import); body{{background:url({base}/background)}}</style>",
        f"</style><style>@page{{background:url({base}/page)}}",
        f"<object data={base}/object></object><embed src={base}/embed>",
        f"<svg><image href='{base}/svg'/></svg><base href='{base}/'>",
        "<img src='data:image/svg+xml,<svg xmlns=\"http://www.w3.org/2000/svg\"/>'>",
        f"url({base}/css-url)",
        "{{ document.seller.name }}{% load static %}",
    ]


def test_texts_reach_no_address_and_no_file(trap: tuple[str, list[str]], tmp_path: Path) -> None:
    base, asked = trap
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP-SECRET-CONTENT")
    texts = attacks(base, secret)
    everything = " ".join(texts)
    document = make_document(
        [make_line(text) for text in texts],
        seller=Party(texts[0], tuple(texts), (("email", everything),)),
        buyer=Party(everything, (everything,)),
        notes=everything,
        footer=everything,
        payment_details=everything,
        purchase_order=everything,
        number="ACM-1",
        taxes=(TaxRow(everything, make_line("x").tax_rate, 100, 20),),
        before_tax=(Deduction("coupon", everything, 1),),
        after_tax=(Deduction("wallet", everything, 1),),
    )
    pdf = render_pdf(document)
    assert asked == []
    reader = PdfReader(io.BytesIO(pdf))
    assert not reader.attachments
    assert "/EmbeddedFiles" not in str(reader.trailer["/Root"])
    assert b"TOP-SECRET-CONTENT" not in pdf
    text = pdf_text(pdf)
    assert "TOP-SECRET-CONTENT" not in text
    assert "<img src=" in text  # it is shown as the text that it is
    assert "{% load static %}" in text


@pytest.mark.parametrize(
    "colour",
    [
        "red} body{background:url(%s/colour)}",
        "url(%s/colour)",
        "#0e6f7c;background:url(%s/colour)",
        "#fff} @import url(%s/colour);",
        "#0e6f7c\n",
    ],
)
def test_a_colour_is_six_hex_digits_or_ours(trap: tuple[str, list[str]], colour: str) -> None:
    base, asked = trap
    given = colour.replace("%s", base)
    assert render_pdf(make_document(accent=given)) == render_pdf(make_document(accent="#0e6f7c"))
    assert asked == []


def test_the_fetcher_refuses_everything_but_its_assets(trap: tuple[str, list[str]], tmp_path: Path) -> None:
    base, asked = trap
    locked = Locked({"logo": b"picture"})
    file = tmp_path / "file.txt"
    file.write_text("x")
    for url in (
        base,
        f"file://{file}",
        "data:text/plain,x",
        "asset:other",
        "asset:",
        "ftp://127.0.0.1/",
        "//x",
    ):
        with pytest.raises(ValueError, match="Refused"):
            locked.fetch(url)
    assert locked.fetch("asset:logo").read() == b"picture"
    assert asked == []


@pytest.mark.parametrize(
    "logo",
    [
        b"not a picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        b"\x89PNG\r\n",
    ],
)
def test_a_logo_that_is_no_picture_is_left_out(logo: bytes) -> None:
    assert render_pdf(make_document(logo=logo)) == render_pdf(make_document(logo=b""))


def test_text_is_cleaned_of_what_misleads_or_stops_the_renderer() -> None:
    assert clean("Ab\x00c\u202egnp.exe\u2066") == "Abcgnp.exe"
    assert clean("line\nbreak\r") == "line\nbreak"
    assert clean("e\u0301") == "é"
    assert len(clean("a" + "\u0316" * 1000)) == 9
    assert clean("x" * 5000, 1000) == "x" * 1000
    assert clean("  ") == ""


def test_the_same_document_gives_the_same_bytes() -> None:
    document = make_document([make_line(f"Line {number}") for number in range(40)])
    first = render_pdf(document)
    assert render_pdf(document) == first
    assert render_pdf(replace(document, notes="other")) != first
