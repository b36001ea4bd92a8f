"""A database with every table, made once for the migrations as they are: test runs and stacks copy it.

Migrating an empty database takes longer than most tests; what comes out depends on the migrations and the libraries
alone. The copy lies under var/prepared, named after a fingerprint of both.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from billing import embedded

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "var" / "prepared"
MOST_KEPT = 4


def fingerprint() -> str:
    """What the tables follow from: the migrations, what they import, the libraries."""
    digest = hashlib.sha256()
    sources = [*ROOT.glob("*/migrations/*.py"), *ROOT.glob("billing/orm/*.py"), ROOT / "requirements.lock"]
    for path in sorted(sources):
        digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def copy_to(home: Path) -> None:
    """Put the data folder of a migrated database into `home`, which has none yet."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = PLACE / fingerprint()
        if not kept.exists():
            make(kept)
        os.utime(kept)
        copy(kept, home / "postgres")


def make(kept: Path) -> None:
    """Migrate an empty database and keep its data folder; the oldest ones go."""
    home = Path(tempfile.mkdtemp(prefix="tarn-prepared-"))
    try:
        home.chmod(0o711)
        servers = embedded.start(home, safe=False)
        try:
            place = embedded.addresses(home)
            own = {"DATABASE_URL": place.database_url, "REDIS_URL": place.redis_url, "TARN_HOME": str(home)}
            command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0", "--no-input"]
            unset = {"DJANGO_SETTINGS_MODULE", "TARN_HTTPS"}
            env = {name: value for name, value in os.environ.items() if name not in unset} | own
            subprocess.run(command, cwd=ROOT, env=env, check=True)
        finally:
            servers.stop()
        partial = kept.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        copy(home / "postgres", partial)
        partial.rename(kept)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    folders = sorted((one for one in PLACE.iterdir() if one.is_dir()), key=lambda one: one.stat().st_mtime)
    for old in folders[:-MOST_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def copy(source: Path, target: Path) -> None:
    """With owners and modes: root hands the folder to the account under which PostgreSQL runs."""
    subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(target)], check=True)
