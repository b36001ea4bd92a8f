#!/usr/bin/env python
"""Django's command line. Starts the embedded servers for the length of the command when none are running."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from billing import embedded

# These never open a connection.
NEED_NO_SERVER = {"check", "collectstatic", "diffsettings", "help", "--help", "--version", "version"}


def main() -> None:
    """Run the command that the arguments name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "billing.settings")
    from django.core.management import execute_from_command_line

    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command in NEED_NO_SERVER:
        execute_from_command_line(sys.argv)
        return
    home = Path(os.environ.get("TARN_HOME", Path(__file__).resolve().parent / "var"))
    with embedded.running(home):
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
