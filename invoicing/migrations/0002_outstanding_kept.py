"""The triggers that keep the sums of what is to be paid.

A statement's changes are added up first and written in the order of the key, once per customer and currency, so that
two statements over many customers cannot wait for each other in a circle. A statement that moves no amount (a PDF that
is ready, a draft) writes nothing.
"""

from django.db import migrations

ADD = """
    INSERT INTO invoicing_outstanding AS kept (organization_id, customer_id, currency, due_minor)
    SELECT organization_id, customer_id, currency, sum(minor)
    FROM ({changes}) AS change
    GROUP BY organization_id, customer_id, currency
    HAVING sum(minor) <> 0
    ORDER BY customer_id, currency
    ON CONFLICT (customer_id, currency) DO UPDATE SET due_minor = kept.due_minor + EXCLUDED.due_minor;
"""
PART = """SELECT organization_id, customer_id, currency, {sign}(total_minor - paid_minor) AS minor
        FROM {rows} WHERE status = 'finalized' AND payment_status <> 'paid'"""
GONE, COME = PART.format(sign="-", rows="gone"), PART.format(sign="", rows="come")
FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {body}
    RETURN NULL;
END $$;
CREATE TRIGGER {name} AFTER {event} ON invoicing_invoice
    REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""
KINDS = (
    ("outstanding_after_insert", "INSERT", "NEW TABLE AS come", COME),
    ("outstanding_after_update", "UPDATE", "OLD TABLE AS gone NEW TABLE AS come", f"{GONE} UNION ALL {COME}"),
    ("outstanding_after_delete", "DELETE", "OLD TABLE AS gone", GONE),
)
CREATE = "".join(
    FUNCTION.format(name=name, event=event, tables=tables, body=ADD.format(changes=changes))
    for name, event, tables, changes in KINDS
)
DROP = "".join(f"DROP TRIGGER {name} ON invoicing_invoice; DROP FUNCTION {name}();" for name, *_ in KINDS)


class Migration(migrations.Migration):
    replaces = [("invoicing", "0007_outstanding"), ("invoicing", "0013_lines_of_filters")]
    dependencies = [("invoicing", "0001_base"), ("billing", "0002_relations")]

    operations = [migrations.RunSQL(CREATE, DROP)]
