"""Back office: organizations, people, catalogue, and read-only usage, ledger, jobs and trail."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.contrib.auth.models import Group

from billing import models
from billing.web.back_office import BackOffice

admin.site.unregister(Group)  # roles live in memberships
OF_ORGANIZATION = ("organization",)


@admin.register(models.Organization)
class OrganizationAdmin(BackOffice):
    """Tenants."""

    list_display: ClassVar = ["name", "default_currency", "timezone", "sandbox", "created_at"]
    search_fields: ClassVar = ["name"]
    editable = ("name", "default_currency", "timezone", "api_rate_limit")


@admin.register(models.User)
class UserAdmin(BackOffice):
    """People. A person who is not active cannot sign in; staff may open this back office."""

    list_display: ClassVar = ["email", "name", "is_active", "is_staff", "last_login"]
    search_fields: ClassVar = ["email", "name"]
    list_filter: ClassVar = ["is_active", "is_staff"]
    editable = ("name", "is_active", "is_staff")


@admin.register(models.Member)
class MemberAdmin(BackOffice):
    """Who works where; roles change on the organization's own page, which protects its last admin."""

    list_display: ClassVar = ["user", "organization", "role", "created_at"]
    search_fields: ClassVar = ["user__email", "organization__name"]
    list_filter: ClassVar = ["role"]
    list_select_related = ("user", "organization")


@admin.register(models.BillingEntity)
class BillingEntityAdmin(BackOffice):
    """Issuers."""

    list_display: ClassVar = ["name", "organization", "country", "number_prefix", "is_default"]
    search_fields: ClassVar = ["name", "legal_name", "organization__name"]
    list_select_related = OF_ORGANIZATION
    editable = ("legal_name", "legal_number", "tax_id", "email", "phone", "invoice_footer", "payment_details")


@admin.register(models.ApiKey)
class ApiKeyAdmin(BackOffice):
    """Keys, masked."""

    list_display: ClassVar = ["name", "organization", "last4", "last_used_at", "expires_at", "revoked_at"]
    search_fields: ClassVar = ["name", "last4", "organization__name"]
    list_select_related = OF_ORGANIZATION


@admin.register(models.Metric, models.Tax, models.Coupon)
class CatalogueAdmin(BackOffice):
    """What is sold."""

    list_display: ClassVar = ["name", "code", "organization", "created_at"]
    search_fields: ClassVar = ["name", "code", "organization__name"]
    list_select_related = OF_ORGANIZATION
    editable = ("description",)


@admin.register(models.Plan)
class PlanAdmin(BackOffice):
    """Prices; they are changed on their own page, which checks charges and currency."""

    list_display: ClassVar = [
        "name",
        "code",
        "organization",
        "interval",
        "amount_minor",
        "currency",
        "active",
    ]
    search_fields: ClassVar = ["name", "code", "organization__name"]
    list_filter: ClassVar = ["interval", "active"]
    list_select_related = OF_ORGANIZATION


@admin.register(models.Subscription)
class SubscriptionAdmin(BackOffice):
    """Who is on which plan."""

    list_display: ClassVar = ["external_id", "customer", "plan", "status", "next_billing_at", "organization"]
    search_fields: ClassVar = ["external_id", "customer__name", "organization__name"]
    list_filter: ClassVar = ["status", "billing_time"]
    list_select_related = ("customer", "plan", "organization")


@admin.register(models.Wallet)
class WalletAdmin(BackOffice):
    """Balances, as the ledger makes them."""

    list_display: ClassVar = [
        "name",
        "customer",
        "currency",
        "is_primary",
        "balance_minor",
        "credit_limit_minor",
        "low_balance_minor",
        "auto_top_up_enabled",
        "status",
        "organization",
    ]
    search_fields: ClassVar = ["name", "customer__name", "organization__name"]
    list_filter: ClassVar = ["status", "is_primary", "auto_top_up_enabled"]
    list_select_related = ("customer", "organization")


@admin.register(models.TopUpSchedule)
class TopUpScheduleAdmin(BackOffice):
    """What wallets get by the calendar."""

    list_display: ClassVar = ["wallet", "interval", "method", "next_at", "expires_at", "organization"]
    list_filter: ClassVar = ["interval", "method"]
    list_select_related = ("wallet", "organization")


@admin.register(models.WalletEntry)
class WalletEntryAdmin(BackOffice):
    """The ledger itself."""

    list_display: ClassVar = ["wallet", "kind", "amount_minor", "created_at", "organization"]
    list_filter: ClassVar = ["kind"]
    list_select_related = ("wallet", "organization")


@admin.register(models.Event)
class EventAdmin(BackOffice):
    """Usage that counts."""

    list_display: ClassVar = [
        "transaction_id",
        "external_subscription_id",
        "metric",
        "timestamp",
        "organization",
    ]
    search_fields: ClassVar = ["transaction_id__exact", "external_subscription_id__exact"]
    list_select_related = ("metric", "organization")


@admin.register(models.QuarantinedEvent)
class QuarantinedEventAdmin(BackOffice):
    """Usage that matches nothing."""

    list_display: ClassVar = ["transaction_id", "external_subscription_id", "code", "reason", "organization"]
    search_fields: ClassVar = ["transaction_id__exact", "external_subscription_id__exact"]
    list_filter: ClassVar = ["reason"]
    list_select_related = OF_ORGANIZATION


@admin.register(models.Job)
class JobAdmin(BackOffice):
    """Background work of all organizations."""

    list_display: ClassVar = ["label", "state", "task", "attempts", "queued_at", "organization"]
    search_fields: ClassVar = ["label", "organization__name"]
    list_filter: ClassVar = ["state", "task"]
    list_select_related = OF_ORGANIZATION


@admin.register(models.AuditEntry)
class AuditEntryAdmin(BackOffice):
    """The trail."""

    list_display: ClassVar = ["at", "action", "subject_label", "actor_label", "organization"]
    search_fields: ClassVar = ["action", "subject_label", "actor_label", "organization__name"]
    list_filter: ClassVar = ["actor_kind"]
    list_select_related = OF_ORGANIZATION
