from django.db import migrations, models

from billing.orm.together import together


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0005_usage_annex'),
        ('billing', '0026_erased_audit_entries'),
    ]

    operations = together([
        migrations.AddField(
            model_name='customer',
            name='erased_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('deleted_at__isnull', False)), fields=['organization', '-deleted_at'], name='customer_gone'),
        ),
    ])
