"""One renderer in a process of its own: `python -m tests.bench.printing ours|chromium LINES COUNT` tells its figures.

Both print the same document: ours through `render_pdf`, Chromium the HTML and style sheet that ours is made from, by
print-to-PDF over its debugging protocol. One document is printed before the clock starts. The peak is what the
process has held at most; of Chromium all of its processes together, each with its share of common memory.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

SIZES = ((1, 60), (30, 40), (2_000, 3))  # lines, how often
CHROMIUM = "/usr/bin/chromium"


def in_a_process(name: str, lines: int, count: int) -> dict[str, Any]:
    """The figures of a fresh process."""
    command = [sys.executable, "-m", "tests.bench.printing", name, str(lines), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def document(lines: int) -> Any:
    """An invoice with as many lines, of which each third has tiers when there are few."""
    from decimal import Decimal

    from invoicing.documents.data import DetailStep
    from tests.factories.documents import make_document, make_line

    tiers = (
        DetailStep("First 1,000 units", Decimal(8), Decimal(1000), Decimal("0.008")),
        DetailStep("Above 1,000 units", Decimal(2), Decimal(400), Decimal("0.005")),
    )
    rows = [
        make_line(f"Consulting, part {number}", 1000, tiers if lines <= 30 and number % 3 == 2 else ())
        for number in range(lines)
    ]
    return make_document(rows, payment_details="IBAN DE02 1203 0000 0000 2020 51", footer="Acme GmbH, Berlin")


def timed(work: Callable[[], bytes], count: int, spent: Callable[[], float]) -> dict[str, Any]:
    """How quick it is once warm, what it costs (`spent`: processor seconds so far), and how many pages come."""
    from pypdf import PdfReader

    pages = len(PdfReader(io.BytesIO(work())).pages)
    took, before = [], spent()
    for _ in range(count):
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    cpu = (spent() - before) / count * 1000
    return {"rate": count / sum(took), "p50": sorted(took)[count // 2] * 1000, "cpu": cpu, "pages": pages}


def ours(lines: int, count: int) -> dict[str, Any]:
    """WeasyPrint as the worker uses it."""
    from invoicing.documents.pdf import render_pdf

    made = document(lines)
    found = timed(lambda: render_pdf(made), count, time.process_time)
    return found | {"peak": most_held()}


def most_held() -> float:
    """The most MB that this process has held; the kernel's `ru_maxrss` would be its parent's when that held more."""
    [line] = [row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def chromium(lines: int, count: int) -> dict[str, Any]:
    """Headless Chromium, one page that stays open."""
    import base64

    from playwright.sync_api import sync_playwright

    from invoicing.documents.dress import sheet
    from invoicing.documents.pdf import html_of

    made = document(lines)
    style = f"<style>{sheet(made.accent, made.locale)}</style></head>"
    html = html_of(made, has_logo=False).replace("</head>", style, 1)
    options = {"preferCSSPageSize": True, "printBackground": True}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        protocol = page.context.new_cdp_session(page)

        def work() -> bytes:
            page.set_content(html)
            return base64.b64decode(protocol.send("Page.printToPDF", options)["data"])

        with watched() as peak:
            found = timed(work, count, spent_by_browser)
        browser.close()
    return found | {"peak": peak[0]}


def browser_processes() -> list[Any]:
    """The browser's, of this process's children."""
    import psutil

    found = []
    for row in psutil.Process(os.getpid()).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # one that has just ended
            if "chrom" in row.name():
                found.append(row)
    return found


def spent_by_browser() -> float:
    """The processor seconds of all of them so far."""
    return sum(row.cpu_times().user + row.cpu_times().system for row in browser_processes())


@contextmanager
def watched() -> Any:
    """[the most MB that the browser's processes have held together], looked at twenty times a second."""
    import psutil

    peak, over = [0.0], threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            try:
                total = sum(row.memory_full_info().pss for row in browser_processes())
            except (psutil.NoSuchProcess, psutil.AccessDenied):  # one that has just ended
                continue
            peak[0] = max(peak[0], total / 1_048_576)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def main() -> None:
    """The figures as one line of JSON."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "billing.settings")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright runs a loop; nothing here asks the database
    import django

    django.setup()
    name, lines, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(json.dumps({"ours": ours, "chromium": chromium}[name](lines, count)))


if __name__ == "__main__":
    main()
