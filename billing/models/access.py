"""People, their membership of organizations, and API keys."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from billing.orm.scoped import Identified, Scoped, ScopedQuerySet
from billing.rules.roles import Role


class UserManager(BaseUserManager["User"]):
    """Users are found by e-mail address without regard to case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A person who can sign in; without a password only by a reset link."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A person who may also use the operator's back office at /admin/."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username or "")


class User(Identified, AbstractBaseUser, PermissionsMixin):
    """A person. What they may do in an organization is decided by their membership."""

    PREFIX = "usr"

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="user_email_without_case")]

    def __str__(self) -> str:
        return self.name or self.email


class Member(Scoped):
    """A person's role in an organization. `preferences` is {"columns": {list: [column]}}."""

    PREFIX = "mem"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=[(role.value, role.value.title()) for role in Role])
    preferences = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering: ClassVar = ["user__email"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "user"], name="one_membership_per_person"),
            models.CheckConstraint(condition=Q(role__in=[role.value for role in Role]), name="member_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class ApiKeyQuerySet(ScopedQuerySet):
    """Keys by their state."""

    def live(self) -> ApiKeyQuerySet:
        """Keys that are not revoked."""
        return self.filter(revoked_at=None)


class ApiKey(Scoped):
    """A secret that authenticates API calls. Only its SHA-256 is kept; the key itself is shown once.

    `rate_limit`: requests a minute, where it is not the organization's.
    """

    PREFIX = "key"

    name = models.CharField(max_length=100)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    key_start = models.CharField(max_length=12, editable=False)
    last4 = models.CharField(max_length=4, editable=False)
    scopes = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    expires_at = models.DateTimeField(null=True, blank=True)
    rate_limit = models.PositiveIntegerField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.key_start}…{self.last4})"


class SignIn(Identified):
    """A browser in which a person is signed in: what "Sessions" shows, and what signing out elsewhere ends."""

    PREFIX = "sin"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=64, unique=True, editable=False)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-seen_at"]

    def __str__(self) -> str:
        return f"{self.user} in {self.browser}"


class SavedView(Scoped):
    """The filters, order and columns of a list (`noun`: customers) under a name: a person's own, or for everybody in
    the organization.
    """

    PREFIX = "view"

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    noun = models.CharField(max_length=30)
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=2000, blank=True)
    columns = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    shared = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "noun", "owner", "name"], name="saved_view_name"),
        ]

    def __str__(self) -> str:
        return self.name
