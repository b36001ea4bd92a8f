"""The triggers that keep numbers and days of the customers' own fields in an index.

A trigger for each row, not for each statement: it fires only where the fields changed, and a customer's row is locked by
whoever writes it, so that nobody waits for anybody who does not wait for the customer already.
"""

from django.db import migrations

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
"""
DROP = """
DROP TRIGGER own_values_after_delete ON customers_customer;
DROP TRIGGER own_values_after_update ON customers_customer;
DROP TRIGGER own_values_after_insert ON customers_customer;
DROP FUNCTION keep_own_values();
"""


class Migration(migrations.Migration):
    replaces = [("customers", "0006_own_values")]
    dependencies = [("customers", "0001_base"), ("billing", "0002_relations")]

    operations = [migrations.RunSQL(CREATE, DROP)]
