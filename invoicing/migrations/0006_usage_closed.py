"""The trigger that keeps up to where a subscription's usage is on final invoices.

It runs when an invoice is issued, or closed because there was nothing to ask for. Drafts still count what comes late:
where one is open, usage is closed up to its beginning.
"""

from django.db import migrations

CLOSE = """
    UPDATE billing_subscription AS subscription SET usage_closed_until = closed.until
    FROM (
        SELECT mine.subscription_id, coalesce(
            min(period.start) FILTER (WHERE invoice.status = 'draft'), max(period."end")
        ) AS until
        FROM ({mine}) AS mine
        JOIN invoicing_invoicedperiod AS period
            ON period.subscription_id = mine.subscription_id AND period.kind = 'usage'
        JOIN invoicing_invoice AS invoice ON invoice.id = period.invoice_id
        GROUP BY mine.subscription_id
    ) AS closed
    WHERE subscription.id = closed.subscription_id
        AND subscription.usage_closed_until IS DISTINCT FROM closed.until
"""
OF_INVOICE = """
            SELECT DISTINCT subscription_id FROM invoicing_invoicedperiod
            WHERE invoice_id = NEW.id AND kind = 'usage'
"""
CREATE = f"""
CREATE FUNCTION usage_is_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {CLOSE.format(mine=OF_INVOICE)};
    RETURN NULL;
END $$;
CREATE TRIGGER usage_closed_after_insert AFTER INSERT ON invoicing_invoice
    FOR EACH ROW WHEN (NEW.status IN ('finalized', 'closed')) EXECUTE FUNCTION usage_is_closed();
CREATE TRIGGER usage_closed_after_update AFTER UPDATE OF status ON invoicing_invoice
    FOR EACH ROW WHEN (OLD.status = 'draft' AND NEW.status IN ('finalized', 'closed'))
    EXECUTE FUNCTION usage_is_closed();
"""
DROP = """
DROP TRIGGER usage_closed_after_update ON invoicing_invoice;
DROP TRIGGER usage_closed_after_insert ON invoicing_invoice;
DROP FUNCTION usage_is_closed();
"""
EVERYBODY = "SELECT DISTINCT subscription_id FROM invoicing_invoicedperiod WHERE kind = 'usage'"


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0005_tax_categories"), ("billing", "0015_late_events")]

    operations = [
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL(CLOSE.format(mine=EVERYBODY), migrations.RunSQL.noop),
    ]
