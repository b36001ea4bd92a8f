"""Which lot a debit took from stands in its uses: the column that said so before is gone from the database too."""

from django.db import migrations

DROP = "ALTER TABLE billing_walletentry DROP COLUMN lots_used"
AGAIN = "ALTER TABLE billing_walletentry ADD COLUMN lots_used jsonb NOT NULL DEFAULT '{}'"


class Migration(migrations.Migration):
    dependencies = [("billing", "0015_late_events")]

    operations = [migrations.RunSQL(DROP, AGAIN)]
