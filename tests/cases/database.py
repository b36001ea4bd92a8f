"""A database for cases, thrown away afterwards; each case in a transaction that is rolled back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def throw_away() -> Iterator[None]:
    """Embedded servers and an empty database with all tables."""
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    from billing import embedded

    servers = embedded.start(Path(os.environ["TARN_TEST_HOME"]), safe=False)
    try:
        setup_test_environment()
        config = setup_databases(verbosity=0, interactive=False)
        try:
            yield
        finally:
            teardown_databases(config, verbosity=0)
    finally:
        servers.stop()


@contextmanager
def rolled_back() -> Iterator[None]:
    """Whatever is written within is gone afterwards."""
    from django.db import connection, transaction

    with transaction.atomic():
        yield
        if not connection.needs_rollback:
            transaction.set_rollback(True)
