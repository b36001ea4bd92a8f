import billing.orm.fields
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

from billing.orm.together import together


class Migration(migrations.Migration):

    replaces = [
        ("customers", "0001_initial"),
        ("customers", "0002_customers_complete"),
        ("customers", "0003_customers_list"),
        ("customers", "0004_note_deleted"),
        ("customers", "0005_customer_metadata_index"),
    ]

    initial = True

    dependencies = [
        ('billing', '0001_base'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = together([
        migrations.CreateModel(
            name='BulkRun',
            fields=[
                ('id', models.UUIDField(default=billing.orm.fields.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('act', models.CharField(max_length=30)),
                ('params', models.JSONField(default=dict)),
                ('query', models.CharField(blank=True, max_length=2000)),
                ('actor_label', models.CharField(max_length=200)),
                ('total', models.PositiveIntegerField(default=0)),
                ('changed', models.PositiveIntegerField(default=0)),
                ('skipped', models.PositiveIntegerField(default=0)),
                ('failed', models.PositiveIntegerField(default=0)),
                ('finished_at', models.DateTimeField(null=True)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization')),
                ('undone_by', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='undoes', to='customers.bulkrun')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='Customer',
            fields=[
                ('id', models.UUIDField(default=billing.orm.fields.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('deleted_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('sequence', models.PositiveIntegerField(editable=False)),
                ('external_id', models.CharField(max_length=255, verbose_name='external ID')),
                ('name', models.CharField(blank=True, max_length=255)),
                ('customer_type', models.CharField(choices=[('business', 'Business'), ('consumer', 'Consumer'), ('unknown', 'Unknown')], default='unknown', max_length=12, verbose_name='type')),
                ('first_name', models.CharField(blank=True, max_length=100)),
                ('last_name', models.CharField(blank=True, max_length=100)),
                ('status', models.CharField(choices=[('active', 'Active'), ('inactive', 'Inactive')], default='active', max_length=12)),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                ('phone', models.CharField(blank=True, max_length=50)),
                ('url', models.URLField(blank=True, verbose_name='website')),
                ('currency', billing.orm.fields.CurrencyField()),
                ('timezone', models.CharField(blank=True, max_length=64)),
                ('locale', models.CharField(blank=True, max_length=10, verbose_name='document language')),
                ('einvoice_email', models.EmailField(blank=True, max_length=254, verbose_name='e-invoice e-mail')),
                ('peppol_id', models.CharField(blank=True, max_length=60, verbose_name='Peppol ID')),
                ('prefer_einvoice', models.BooleanField(default=False, verbose_name='prefers e-invoices')),
                ('billing_model', models.CharField(choices=[('prepaid', 'Prepaid'), ('postpaid', 'Postpaid'), ('hybrid', 'Hybrid')], default='postpaid', max_length=10)),
                ('mode', models.CharField(choices=[('prepaid', 'Prepaid'), ('postpaid', 'Postpaid')], default='prepaid', max_length=10)),
                ('legal_name', models.CharField(blank=True, max_length=255)),
                ('legal_number', models.CharField(blank=True, max_length=100)),
                ('tax_id', models.CharField(blank=True, max_length=50, verbose_name='tax ID')),
                ('tax_identifiers', models.JSONField(blank=True, default=dict)),
                ('vat_status', models.CharField(choices=[('unvalidated', 'Not checked'), ('pending', 'Check pending'), ('valid', 'Valid'), ('invalid', 'Invalid'), ('manual', 'Confirmed by hand')], default='unvalidated', editable=False, max_length=12, verbose_name='VAT status')),
                ('vat_validation_disabled', models.BooleanField(default=False, verbose_name='no VAT checks')),
                ('vat_validation_disabled_reason', models.CharField(blank=True, max_length=255)),
                ('address_line1', models.CharField(blank=True, max_length=200, verbose_name='address line 1')),
                ('address_line2', models.CharField(blank=True, max_length=200, verbose_name='address line 2')),
                ('postal_code', models.CharField(blank=True, max_length=20)),
                ('city', models.CharField(blank=True, max_length=100)),
                ('state', models.CharField(blank=True, max_length=100, verbose_name='state or region')),
                ('country', models.CharField(blank=True, max_length=2)),
                ('shipping_line1', models.CharField(blank=True, max_length=200, verbose_name='shipping address line 1')),
                ('shipping_line2', models.CharField(blank=True, max_length=200, verbose_name='shipping address line 2')),
                ('shipping_postal_code', models.CharField(blank=True, max_length=20)),
                ('shipping_city', models.CharField(blank=True, max_length=100)),
                ('shipping_state', models.CharField(blank=True, max_length=100, verbose_name='shipping state or region')),
                ('shipping_country', models.CharField(blank=True, max_length=2)),
                ('net_payment_term_days', models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MaxValueValidator(365)], verbose_name='payment term')),
                ('grace_period_days', models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MaxValueValidator(365)])),
                ('preferred_provider', models.CharField(blank=True, choices=[('manual', 'Bank transfer or cash (recorded by hand)'), ('stripe', 'Stripe'), ('flutterwave', 'Flutterwave'), ('paystack', 'Paystack'), ('mpesa', 'M-Pesa')], max_length=20, verbose_name='default payment provider')),
                ('disabled_providers', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, default=list, size=None)),
                ('zero_amount_invoices', models.BooleanField(blank=True, null=True)),
                ('email_invoices', models.BooleanField(blank=True, null=True)),
                ('default_auto_top_up_enabled', models.BooleanField(default=False, verbose_name='automatic top-up')),
                ('default_auto_top_up_minor', models.BigIntegerField(blank=True, null=True, verbose_name='automatic top-up amount')),
                ('default_low_balance_minor', models.BigIntegerField(blank=True, null=True, verbose_name='low balance')),
                ('default_max_balance_minor', models.BigIntegerField(blank=True, null=True, verbose_name='maximum balance')),
                ('default_max_single_credit_minor', models.BigIntegerField(blank=True, null=True, verbose_name='maximum single credit')),
                ('default_credit_limit_minor', models.BigIntegerField(blank=True, null=True, verbose_name='credit limit')),
                ('tag_ids', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), blank=True, default=list, editable=False, size=None)),
                ('custom_fields', models.JSONField(blank=True, default=dict)),
                ('metadata', models.JSONField(blank=True, default=dict)),
                ('deleting_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('search_text', models.TextField(blank=True, editable=False)),
                ('search_grams', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=3), default=list, editable=False, size=None)),
                ('billing_entity', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='customers', to='billing.billingentity')),
                ('merged_into', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='merged', to='customers.customer')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization')),
                ('taxes', models.ManyToManyField(blank=True, related_name='+', to='billing.tax')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='BulkRow',
            fields=[
                ('id', models.UUIDField(default=billing.orm.fields.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('outcome', models.CharField(choices=[('waiting', 'Waiting'), ('changed', 'Changed'), ('skipped', 'Skipped'), ('failed', 'Failed')], default='waiting', max_length=8)),
                ('note', models.CharField(blank=True, max_length=500)),
                ('before', models.JSONField(default=dict)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='customers.bulkrun')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.customer')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='CustomField',
            fields=[
                ('id', models.UUIDField(default=billing.orm.fields.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('code', models.SlugField()),
                ('name', models.CharField(max_length=80)),
                ('kind', models.CharField(choices=[('text', 'Text'), ('number', 'Number'), ('date', 'Date'), ('boolean', 'Yes or no'), ('choice', 'One of a list'), ('url', 'Link')], default='text', max_length=10)),
                ('choices', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, size=None)),
                ('required', models.BooleanField(default=False)),
                ('on_list', models.BooleanField(default=False)),
                ('on_invoice', models.BooleanField(default=False)),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization')),
            ],
            options={
                'ordering': ['position', 'name'],
            },
        ),
        migrations.CreateModel(
            name='Merge',
            fields=[
                ('id', models.UUIDField(default=billing.orm.fields.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('strategy', models.CharField(max_length=12)),
                ('counts', models.JSONField(default=dict)),
                ('fields', models.JSONField(default=dict)),
                ('actor_label', models.CharField(max_length=200)),
                ('at', models.DateTimeField()),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization')),
                ('source', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='merge', to='customers.customer')),
                ('target', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='merges', to='customers.customer')),
            ],
            options={
                'ordering': ['-at'],
            },
        ),
        migrations.CreateModel(
            name='NotDuplicate',
            fields=[
                ('id', models.UUIDField(default=billing.orm.fields.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('first', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.customer')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization')),
                ('second', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.customer')),
            ],
        ),
        migrations.CreateModel(
            name='Note',
            fields=[
                ('id', models.UUIDField(default=billing.orm.fields.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('deleted_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('author_label', models.CharField(max_length=200)),
                ('text', models.TextField(max_length=5000)),
                ('pinned', models.BooleanField(default=False)),
                ('edited_at', models.DateTimeField(null=True)),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notes', to='customers.customer')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization')),
            ],
            options={
                'ordering': ['-pinned', '-created_at'],
            },
        ),
        migrations.CreateModel(
            name='OwnValue',
            fields=[
                ('pk', models.CompositePrimaryKey('customer_id', 'code', blank=True, editable=False, primary_key=True, serialize=False)),
                ('code', models.CharField(max_length=50)),
                ('value', models.JSONField()),
                ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='customers.customer')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='billing.organization')),
            ],
        ),
        migrations.CreateModel(
            name='PortalLink',
            fields=[
                ('id', models.UUIDField(default=billing.orm.fields.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('token_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('created_by', models.CharField(max_length=200)),
                ('expires_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(null=True)),
                ('used_at', models.DateTimeField(null=True)),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='portal_links', to='customers.customer')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='Tag',
            fields=[
                ('id', models.UUIDField(default=billing.orm.fields.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('name', models.CharField(max_length=50)),
                ('color', models.CharField(choices=[('grey', 'Grey'), ('teal', 'Teal'), ('blue', 'Blue'), ('green', 'Green'), ('amber', 'Amber'), ('red', 'Red'), ('violet', 'Violet'), ('pink', 'Pink')], default='grey', max_length=10)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization')),
            ],
            options={
                'ordering': [django.db.models.functions.text.Lower('name')],
            },
        ),
        migrations.CreateModel(
            name='VatCheck',
            fields=[
                ('id', models.UUIDField(default=billing.orm.fields.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('source', models.CharField(choices=[('offline', 'Format and check digits'), ('vies', 'VIES'), ('manual', 'By hand')], max_length=10)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('valid', 'Valid'), ('invalid', 'Invalid'), ('manual', 'Confirmed by hand'), ('failed', 'No answer')], max_length=10)),
                ('number', models.CharField(max_length=50)),
                ('asked_at', models.DateTimeField()),
                ('answered_at', models.DateTimeField(null=True)),
                ('next_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField(null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('fault', models.CharField(blank=True, max_length=60)),
                ('name', models.CharField(blank=True, max_length=255)),
                ('address', models.CharField(blank=True, max_length=500)),
                ('reference', models.CharField(blank=True, max_length=50)),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('actor', models.CharField(blank=True, max_length=200)),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='vat_checks', to='customers.customer')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization')),
            ],
            options={
                'ordering': ['-asked_at', '-id'],
            },
        ),
        migrations.AddIndex(
            model_name='customer',
            index=django.contrib.postgres.indexes.GinIndex(fields=['search_grams'], name='customer_search'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=django.contrib.postgres.indexes.GinIndex(fields=['tag_ids'], name='customer_by_tag'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=django.contrib.postgres.indexes.GinIndex(fields=['custom_fields'], name='customer_by_custom_field', opclasses=['jsonb_path_ops']),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=django.contrib.postgres.indexes.GinIndex(fields=['metadata'], name='customer_by_metadata', opclasses=['jsonb_path_ops']),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['organization', '-created_at', '-id'], include=('country', 'currency', 'status', 'billing_entity', 'customer_type', 'vat_status', 'mode', 'deleting_at'), name='customer_by_creation'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['organization', 'email', 'id'], name='customer_by_email'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['organization', 'name', 'id'], name='customer_by_name'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['organization', 'currency', 'id'], name='customer_by_currency'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['organization', 'country', 'currency'], name='customer_by_country'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['organization', 'id'], include=('currency',), name='customer_kept'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('deleted_at', None), ('deleting_at', None)), fields=['organization'], name='customer_present'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['organization', 'status'], name='customer_by_status'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['organization', 'vat_status'], name='customer_by_vat'),
        ),
        migrations.AddConstraint(
            model_name='customer',
            constraint=models.UniqueConstraint(condition=models.Q(('deleted_at', None)), fields=('organization', 'external_id'), name='customer_external_id'),
        ),
        migrations.AddConstraint(
            model_name='customer',
            constraint=models.UniqueConstraint(models.F('organization'), django.db.models.functions.text.Lower('email'), condition=models.Q(('deleted_at', None), models.Q(('email', ''), _negated=True)), name='customer_email'),
        ),
        migrations.AddConstraint(
            model_name='customer',
            constraint=models.UniqueConstraint(fields=('organization', 'sequence'), name='customer_sequence'),
        ),
        migrations.AddIndex(
            model_name='bulkrow',
            index=models.Index(fields=['run', 'outcome'], name='bulk_row_by_outcome'),
        ),
        migrations.AddConstraint(
            model_name='bulkrow',
            constraint=models.UniqueConstraint(fields=('run', 'customer'), name='bulk_row_once'),
        ),
        migrations.AddConstraint(
            model_name='customfield',
            constraint=models.UniqueConstraint(fields=('organization', 'code'), name='custom_field_code'),
        ),
        migrations.AddConstraint(
            model_name='notduplicate',
            constraint=models.UniqueConstraint(fields=('first', 'second'), name='not_duplicate_once'),
        ),
        migrations.AddIndex(
            model_name='ownvalue',
            index=models.Index(fields=['organization', 'code', 'value', 'customer'], name='own_value_between'),
        ),
        migrations.AddIndex(
            model_name='portallink',
            index=models.Index(condition=models.Q(('revoked_at', None)), fields=['customer'], name='portal_link_live'),
        ),
        migrations.AddConstraint(
            model_name='tag',
            constraint=models.UniqueConstraint(models.F('organization'), django.db.models.functions.text.Lower('name'), name='tag_name'),
        ),
        migrations.AddIndex(
            model_name='vatcheck',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['next_at'], name='vat_check_due'),
        ),
        migrations.AddIndex(
            model_name='vatcheck',
            index=models.Index(condition=models.Q(('state', 'manual')), fields=['expires_at'], name='vat_override_due'),
        ),
        migrations.AddConstraint(
            model_name='vatcheck',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['pending', 'manual'])), fields=('customer',), name='one_open_vat_check'),
        ),
        migrations.AddConstraint(
            model_name='vatcheck',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'manual'), _negated=True), models.Q(('expires_at__isnull', False), models.Q(('reason', ''), _negated=True)), _connector='OR'), name='manual_vat_check_has_reason_and_end'),
        ),
    ])
