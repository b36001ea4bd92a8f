"""Documents remember their place in a series; those that were numbered before get theirs from their number."""

from django.db import migrations, models

# Per customer a number ends in -<customer>-<place>, per billing entity in -<year and month>-<place>. Which of the two
# it is, the counters tell; where both could be, the month of issue decides.
INVOICES = """
UPDATE invoicing_invoice invoice SET series = found.series, series_number = found.place
FROM (
    SELECT numbered.id, numbered.place, CASE
        WHEN own.key IS NOT NULL AND NOT (entity.key IS NOT NULL AND numbered.middle = numbered.month)
        THEN own.key ELSE 'invoice:' || numbered.entity END AS series
    FROM (
        SELECT id, organization_id, replace(billing_entity_id::text, '-', '') AS entity,
            (regexp_match(number, '-([0-9]{1,15})$'))[1]::bigint AS place,
            (regexp_match(number, '-([0-9]{1,15})-[0-9]+$'))[1] AS middle,
            to_char(issuing_on, 'YYYYMM') AS month
        FROM invoicing_invoice WHERE number <> ''
    ) numbered
    LEFT JOIN customers_customer customer
        ON customer.organization_id = numbered.organization_id AND customer.sequence = numbered.middle::bigint
    LEFT JOIN invoicing_sequence own
        ON own.organization_id = numbered.organization_id AND own.last >= numbered.place
        AND own.key = 'invoice:' || numbered.entity || ':' || replace(customer.id::text, '-', '')
    LEFT JOIN invoicing_sequence entity
        ON entity.organization_id = numbered.organization_id AND entity.last >= numbered.place
        AND entity.key = 'invoice:' || numbered.entity
    WHERE numbered.place IS NOT NULL
) found
WHERE found.id = invoice.id
"""
NOTES = """
UPDATE invoicing_creditnote SET series = 'credit_note:' || replace(invoice_id::text, '-', ''),
    series_number = (regexp_match(number, 'CN([0-9]{1,15})$'))[1]::bigint
WHERE number ~ 'CN[0-9]{1,15}$'
"""
# What claims a place that another one has stays without: the proof of numbers shows it.
TWICE = """
UPDATE {table} SET series = '', series_number = NULL WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY organization_id, series, series_number ORDER BY id) AS nth
        FROM {table} WHERE series <> ''
    ) places WHERE nth > 1
)
"""
# The series of a billing entity that was taken up later begins after what was numbered before.
FIRST = """
UPDATE invoicing_sequence sequence SET first = found.low
FROM (
    SELECT organization_id, series, min(series_number) AS low FROM invoicing_invoice
    WHERE series <> '' GROUP BY organization_id, series
) found
WHERE found.organization_id = sequence.organization_id AND found.series = sequence.key
    AND sequence.key LIKE 'invoice:%' AND sequence.key NOT LIKE 'invoice:%:%'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0017_priorities_of_credits"),
        ("customers", "0003_statement_files"),
        ("invoicing", "0020_invoice_runs"),
    ]

    operations = [
        *(
            migrations.AddField(model_name=name, name=field, field=kind)
            for name in ("creditnote", "invoice")
            for field, kind in (
                ("series", models.CharField(blank=True, db_default="", default="", editable=False, max_length=120)),
                ("series_number", models.PositiveBigIntegerField(editable=False, null=True)),
            )
        ),
        migrations.AddField(
            model_name="sequence",
            name="first",
            field=models.PositiveBigIntegerField(db_default=1, default=1),
        ),
        migrations.RunSQL(
            [
                INVOICES,
                NOTES,
                TWICE.format(table="invoicing_invoice"),
                TWICE.format(table="invoicing_creditnote"),
                FIRST,
            ],
            migrations.RunSQL.noop,
        ),
    ]
