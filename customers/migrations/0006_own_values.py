"""Numbers and days of the customers' own fields in an index, and the trigger that keeps them there.

A trigger for each row, not for each statement: it fires only where the fields changed, and a customer's row is locked by
whoever writes it, so that nobody waits for anybody who does not wait for the customer already.
"""

import django.db.models.deletion
from django.db import migrations, models

VALUES = """
    SELECT {row}.organization_id, {row}.id, field.key, field.value FROM jsonb_each({row}.custom_fields) AS field
    WHERE jsonb_typeof(field.value) = 'number' OR field.value #>> '{{}}' ~ '^\\d{{4}}-\\d\\d-\\d\\d$'
"""
INTO = "INSERT INTO customers_ownvalue (organization_id, customer_id, code, value)"
CREATE = f"""
CREATE FUNCTION keep_own_values() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM customers_ownvalue WHERE customer_id = OLD.id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        {INTO} {VALUES.format(row="NEW")};
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER own_values_after_insert AFTER INSERT ON customers_customer
    FOR EACH ROW WHEN (NEW.custom_fields <> '{{}}') EXECUTE FUNCTION keep_own_values();
CREATE TRIGGER own_values_after_update AFTER UPDATE OF custom_fields ON customers_customer
    FOR EACH ROW WHEN (OLD.custom_fields IS DISTINCT FROM NEW.custom_fields) EXECUTE FUNCTION keep_own_values();
CREATE TRIGGER own_values_after_delete AFTER DELETE ON customers_customer
    FOR EACH ROW WHEN (OLD.custom_fields <> '{{}}') EXECUTE FUNCTION keep_own_values();
{INTO}
    SELECT found.* FROM customers_customer AS one, LATERAL ({VALUES.format(row="one")}) AS found;
"""
DROP = """
DROP TRIGGER own_values_after_delete ON customers_customer;
DROP TRIGGER own_values_after_update ON customers_customer;
DROP TRIGGER own_values_after_insert ON customers_customer;
DROP FUNCTION keep_own_values();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0009_metering"),
        ("customers", "0005_customer_metadata_index"),
    ]

    operations = [
        migrations.CreateModel(
            name="OwnValue",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "customer_id", "code", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("code", models.CharField(max_length=50)),
                ("value", models.JSONField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="billing.organization",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(CREATE, DROP),
        migrations.AddIndex(
            model_name="ownvalue",
            index=models.Index(
                fields=["organization", "code", "value", "customer"], name="own_value_between"
            ),
        ),
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(
                condition=models.Q(("deleted_at", None)),
                fields=["organization", "id"],
                include=("currency",),
                name="customer_kept",
            ),
        ),
    ]
