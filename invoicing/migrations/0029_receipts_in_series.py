"""Receipts remember their place in the series of their billing entity, as invoices do."""

from django.db import migrations, models

PLACES = """
UPDATE invoicing_receipt SET series = 'receipt:' || replace(billing_entity_id::text, '-', ''),
    series_number = (regexp_match(number, '-([0-9]{1,15})$'))[1]::bigint
WHERE number ~ '-[0-9]{1,15}$'
"""


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0028_dunning_charges")]

    operations = [
        migrations.AddField(
            model_name="receipt",
            name="series",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=120),
        ),
        migrations.AddField(
            model_name="receipt",
            name="series_number",
            field=models.PositiveBigIntegerField(editable=False, null=True),
        ),
        migrations.RunSQL(PLACES, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("series", ""), _negated=True),
                fields=("organization", "series", "series_number"),
                name="receipt_place_in_series",
            ),
        ),
    ]
