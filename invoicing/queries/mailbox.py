"""Who may see which e-mail of the local mailbox: those to customers belong to the organization that wrote them, all
others (invitations, passwords, trials) to the person whom they are for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings

from billing.models import Organization, User
from billing.rules.ids import decode
from invoicing.clients.mailbox import Kept, newest
from invoicing.models import Mail


def mailbox_of(organization: Organization, user: User) -> list[tuple[Kept, Mail | None]]:
    """(e-mail, its row where it has one), the newest first; nothing where e-mails go to a mail server."""
    if not settings.LOCAL_MAILBOX:
        return []
    kept = list(newest(Path(settings.EMAIL_FILE_PATH)))
    keys = {one.reference: decode(Mail.PREFIX, one.reference.partition("@")[0]) for one in kept}
    wanted = [key for key in keys.values() if key is not None]
    rows: dict[Any, Mail] = Mail.objects.of(organization).in_bulk(wanted)
    found = []
    for one in kept:
        row = rows.get(keys[one.reference])
        if row is not None or (keys[one.reference] is None and set(one.to) == {user.email.lower()}):
            found.append((one, row))
    return found
