"""What rows may never do, said by the database.

Ledger, audit and usage rows are never changed. An event's foreign keys have no constraint of their own, because
checking three parents per event would halve the throughput; the parents refuse to go instead.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Rows of % are never changed.', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER wallet_entries_are_append_only BEFORE UPDATE OR DELETE ON billing_walletentry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_are_append_only BEFORE UPDATE OR DELETE ON billing_auditentry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE ON billing_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE FUNCTION refuse_removal_with_events() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    used boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM billing_usagehour WHERE %I = $1)', TG_ARGV[0])
        INTO used USING OLD.id;
    IF used THEN
        RAISE EXCEPTION 'A row of % with usage events stays.', TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER subscriptions_with_events_stay BEFORE DELETE ON billing_subscription
    FOR EACH ROW EXECUTE FUNCTION refuse_removal_with_events('subscription_id');
CREATE TRIGGER metrics_with_events_stay BEFORE DELETE ON billing_metric
    FOR EACH ROW EXECUTE FUNCTION refuse_removal_with_events('metric_id');
CREATE TRIGGER organizations_with_events_stay BEFORE DELETE ON billing_organization
    FOR EACH ROW EXECUTE FUNCTION refuse_removal_with_events('organization_id');
"""
# The texts of some properties of an event; `billing.rules.filters.facet_of` says the same in Python.
FACET = """
CREATE FUNCTION usage_facet(properties jsonb, keys text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_object_agg(key, CASE WHEN jsonb_typeof(properties -> key) IN ('object', 'array')
        THEN NULL ELSE properties ->> key END), '{}')
    FROM unnest(keys) AS key
$$
"""
DROP = """
DROP TRIGGER organizations_with_events_stay ON billing_organization;
DROP TRIGGER metrics_with_events_stay ON billing_metric;
DROP TRIGGER subscriptions_with_events_stay ON billing_subscription;
DROP FUNCTION refuse_removal_with_events();
DROP TRIGGER events_are_append_only ON billing_event;
DROP TRIGGER wallet_entries_are_append_only ON billing_walletentry;
DROP TRIGGER audit_entries_are_append_only ON billing_auditentry;
DROP FUNCTION refuse_change();
"""


class Migration(migrations.Migration):
    replaces = [("billing", "0003_triggers"), ("billing", "0026_top_up_schedules")]
    dependencies = [("billing", "0002_relations")]

    operations = [
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL(FACET, "DROP FUNCTION usage_facet(jsonb, text[])"),
    ]
