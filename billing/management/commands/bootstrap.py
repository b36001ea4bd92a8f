"""`manage.py bootstrap`: an organization with an owner and an API key, for scripts. Prints one JSON object."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils import timezone

from billing.actions.api_keys import issue_key
from billing.actions.organizations import create_organization
from billing.models import Member, Organization, User
from billing.orm.actor import Actor
from billing.rules.errors import BillingError
from billing.rules.roles import Role


class Command(BaseCommand):
    """Idempotent by the organization's name: a second run changes nothing, except for a key with --new-key."""

    help = "Make an organization with an owner and an API key; print {organizationId, apiKey, email} as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, help="its name")
        parser.add_argument("--email", required=True, help="the owner's address, for signing in")
        parser.add_argument(
            "--password", required=True, help="the owner's password; ignored if the person exists"
        )
        parser.add_argument("--sandbox", action="store_true", help="test keys and a clock that can be moved")
        parser.add_argument("--new-key", action="store_true", help="issue one more API key")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            answer = self.bootstrap(**{name: options[name] for name in (*TEXTS, "sandbox", "new_key")})
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except BillingError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(answer))

    @transaction.atomic
    def bootstrap(
        self, organization: str, email: str, password: str, sandbox: bool, new_key: bool
    ) -> dict[str, str | None]:
        """The JSON object. `apiKey` is null when no key was issued: a key is shown only once."""
        with connection.cursor() as cursor:  # two runs at once: the second sees what the first made
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", ["bootstrap"])
        name, at = organization.strip(), timezone.now()
        found = Organization.objects.filter(name=name).order_by("created_at").first()
        if found is None:
            owner = self.person(email, password)
            by = Actor("user", owner.email, user_id=owner.pk)
            tenant = create_organization(name, owner=owner, by=by, at=at, sandbox=sandbox)
        else:
            tenant, owner = found, self.owner(found, email)
            if sandbox != tenant.sandbox:
                kind = "a sandbox" if tenant.sandbox else "no sandbox"
                raise CommandError(f"{name} exists and is {kind}.")
            by = Actor("user", owner.email, user_id=owner.pk)
        secret = None
        if found is None or new_key:
            _, secret = issue_key(tenant, "bootstrap", by=by, at=at)
        return {"organizationId": tenant.public_id, "apiKey": secret, "email": owner.email}

    def person(self, email: str, password: str) -> User:
        """The user with this address, made if need be. An existing person keeps their password."""
        person = User.objects.filter(email__iexact=email.strip()).first()
        if person is None:
            validate_password(password, User(email=email))
            person = User.objects.create_user(email, password)
        return person

    def owner(self, organization: Organization, email: str) -> User:
        """The admin of an existing organization with this address."""
        members = Member.objects.of(organization).filter(role=Role.ADMIN.value)
        member = members.filter(user__email__iexact=email.strip()).select_related("user").first()
        if member is None:
            raise CommandError(f"{organization.name} exists, and {email} is not one of its admins.")
        return member.user


TEXTS = ("organization", "email", "password")
