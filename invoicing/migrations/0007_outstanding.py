"""The sums of what is to be paid, and the triggers that keep them.

A statement's changes are added up first and written in the order of the key, once per customer and currency, so that
two statements over many customers cannot wait for each other in a circle. A statement that moves no amount (a PDF that
is ready, a draft) writes nothing. Making the triggers keeps writers out until the sums of what is there are complete.
"""

import billing.orm.fields
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
from django.db import migrations, models

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
) + ADD.format(changes=PART.format(sign="", rows="invoicing_invoice"))
DROP = "".join(f"DROP TRIGGER {name} ON invoicing_invoice; DROP FUNCTION {name}();" for name, *_ in KINDS)


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0009_metering'),
        ('customers', '0005_customer_metadata_index'),
        ('invoicing', '0006_void_stamp'),
    ]

    operations = [
        migrations.CreateModel(
            name='Outstanding',
            fields=[
                ('pk', models.CompositePrimaryKey('customer_id', 'currency', blank=True, editable=False, primary_key=True, serialize=False)),
                ('currency', billing.orm.fields.CurrencyField()),
                ('due_minor', models.BigIntegerField()),
                ('amount', models.GeneratedField(db_persist=True, expression=models.Case(models.When(currency__in=['BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'], then=django.db.models.expressions.CombinedExpression(django.db.models.functions.comparison.Cast(models.F('due_minor'), models.DecimalField(decimal_places=4, max_digits=24)), '/', models.Value(1))), models.When(currency__in=['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'], then=django.db.models.expressions.CombinedExpression(django.db.models.functions.comparison.Cast(models.F('due_minor'), models.DecimalField(decimal_places=4, max_digits=24)), '/', models.Value(1000))), models.When(currency__in=['CLF', 'UYW'], then=django.db.models.expressions.CombinedExpression(django.db.models.functions.comparison.Cast(models.F('due_minor'), models.DecimalField(decimal_places=4, max_digits=24)), '/', models.Value(10000))), default=django.db.models.expressions.CombinedExpression(django.db.models.functions.comparison.Cast(models.F('due_minor'), models.DecimalField(decimal_places=4, max_digits=24)), '/', models.Value(100)), output_field=models.DecimalField(decimal_places=4, max_digits=24)), output_field=models.DecimalField(decimal_places=4, max_digits=24))),
                ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='customers.customer')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='billing.organization')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('due_minor__gt', 0)), fields=['organization', 'amount'], include=('customer', 'currency'), name='outstanding_by_amount')],
            },
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
