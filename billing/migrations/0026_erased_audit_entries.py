"""Audit lines are still never changed, but for what they say about a customer whose personal data is erased: names,
values and reasons, within a transaction that has said so. Who did what, to which row, and when stays in any case.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION refuse_change_but_erasing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('tarn.erasing', true) = 'on'
        AND (NEW.id, NEW.organization_id, NEW.created_at, NEW.at, NEW.action, NEW.actor_kind, NEW.actor_user_id,
             NEW.subject_type, NEW.subject_id, NEW.customer_id)
            IS NOT DISTINCT FROM
            (OLD.id, OLD.organization_id, OLD.created_at, OLD.at, OLD.action, OLD.actor_kind, OLD.actor_user_id,
             OLD.subject_type, OLD.subject_id, OLD.customer_id)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Rows of % are never changed.', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
DROP TRIGGER audit_entries_are_append_only ON billing_auditentry;
CREATE TRIGGER audit_entries_are_append_only BEFORE UPDATE OR DELETE ON billing_auditentry
    FOR EACH ROW EXECUTE FUNCTION refuse_change_but_erasing();
"""
DROP = """
DROP TRIGGER audit_entries_are_append_only ON billing_auditentry;
CREATE TRIGGER audit_entries_are_append_only BEFORE UPDATE OR DELETE ON billing_auditentry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP FUNCTION refuse_change_but_erasing();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0025_api_calls'),
    ]

    operations = [
        migrations.RunSQL(CREATE, DROP),
    ]
