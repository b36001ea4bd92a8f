"""Settings of the test run: the product's own, on throw-away servers, with a quick password hash."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from billing import embedded
from billing.embedded.addresses import DATABASE

# The first process of a run makes the folder; its xdist workers inherit the variable and share the servers.
if "TARN_TEST_HOME" not in os.environ:
    os.environ["TARN_TEST_HOME"] = tempfile.mkdtemp(prefix="tarn-test-")
    Path(os.environ["TARN_TEST_HOME"]).chmod(0o711)  # root runs PostgreSQL under another account
    os.environ["TARN_TEST_OWNER"] = str(os.getpid())
    atexit.register(shutil.rmtree, os.environ["TARN_TEST_HOME"], ignore_errors=True)
os.environ["TARN_HOME"] = os.environ["TARN_TEST_HOME"]
_place = embedded.addresses(Path(os.environ["TARN_TEST_HOME"]))
_worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
os.environ["DATABASE_URL"] = _place.database_url
# Redis has 4 databases here: 0 for the main process, one for each of up to three workers.
os.environ["REDIS_URL"] = f"unix://{_place.redis_socket}?db={int(_worker) % 3 + 1}"

from billing.settings import *  # noqa: E402, F403
from billing.settings import DATABASES, STORAGES  # noqa: E402

DATABASES["default"]["OPTIONS"].pop("pool", None)  # a pool would keep the test database from being dropped
DATABASES["default"]["TEST"] = {"TEMPLATE": DATABASE}  # it has all tables (tests/prepared.py)

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
ALLOWED_HOSTS = ["*"]
