import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

from billing.orm.together import together


class Migration(migrations.Migration):

    replaces = [
        ("billing", "0004_customers_complete"),
        ("billing", "0005_customers_list"),
        ("billing", "0006_wallet_limits"),
        ("billing", "0007_event_by_organization"),
        ("billing", "0008_clock"),
        ("billing", "0009_metering"),
        ("billing", "0010_minimum_commitment"),
        ("billing", "0011_expression"),
        ("billing", "0012_subscription_cancel"),
        ("billing", "0013_monitoring"),
        ("billing", "0014_wallet_list"),
        ("billing", "0015_prices_in_currencies"),
        ("billing", "0016_add_ons"),
        ("billing", "0017_untouched_wallets"),
        ("billing", "0018_require_two_factor"),
        ("billing", "0019_fixed_charges"),
        ("billing", "0020_price_versions"),
        ("billing", "0021_charges_share_metrics"),
        ("billing", "0022_filters_and_groups"),
        ("billing", "0023_subscription_pauses"),
        ("billing", "0024_subscription_line"),
        ("billing", "0025_prorated_charges"),
    ]

    initial = True

    dependencies = [
        ('billing', '0001_base'),
        ('customers', '0001_base'),
        ('invoicing', '0001_base'),
    ]

    operations = together([
        migrations.AddField(
            model_name='appliedcoupon',
            name='customer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='applied_coupons', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='auditentry',
            name='actor_user',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='auditentry',
            name='customer',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='chargeprice',
            name='charge',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='prices', to='billing.charge'),
        ),
        migrations.AddField(
            model_name='appliedcoupon',
            name='coupon',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='applications', to='billing.coupon'),
        ),
        migrations.AddField(
            model_name='fixedcharge',
            name='add_on',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='fixed_charges', to='billing.addon'),
        ),
        migrations.AddField(
            model_name='fixedchargeprice',
            name='fixed_charge',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='prices', to='billing.fixedcharge'),
        ),
        migrations.AddField(
            model_name='clockmove',
            name='job',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.job'),
        ),
        migrations.AddField(
            model_name='member',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='event',
            name='metric',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='billing.metric'),
        ),
        migrations.AddField(
            model_name='charge',
            name='metric',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='charges', to='billing.metric'),
        ),
        migrations.AddField(
            model_name='alert',
            name='metric',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.metric'),
        ),
        migrations.AddConstraint(
            model_name='organization',
            constraint=models.CheckConstraint(condition=models.Q(('clock_at', None), ('sandbox', True), _connector='OR'), name='organization_clock_only_in_sandbox'),
        ),
        migrations.AddConstraint(
            model_name='organization',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('vat_maintenance_from', None), ('vat_maintenance_to', None)), models.Q(('vat_maintenance_from__isnull', False), ('vat_maintenance_to__isnull', False)), _connector='OR'), name='vat_maintenance_has_both_ends'),
        ),
        migrations.AddField(
            model_name='metric',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='member',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='job',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='fixedchargeprice',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='fixedcharge',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='event',
            name='organization',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='emittedevent',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='coupon',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='clockmove',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='chargeprice',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='charge',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='billingentity',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='auditentry',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='appliedcoupon',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='apikey',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='alertcrossing',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='alert',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='addonprice',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='addon',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='pause',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='plan',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='fixedcharge',
            name='plan',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='fixed_charges', to='billing.plan'),
        ),
        migrations.AddField(
            model_name='charge',
            name='plan',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='charges', to='billing.plan'),
        ),
        migrations.AddField(
            model_name='planprice',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='planprice',
            name='plan',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='prices', to='billing.plan'),
        ),
        migrations.AddField(
            model_name='planversion',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='planversion',
            name='plan',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='billing.plan'),
        ),
        migrations.AddField(
            model_name='pricechange',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='pricechange',
            name='plan',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='price_changes', to='billing.plan'),
        ),
        migrations.AddField(
            model_name='pricechangerow',
            name='change',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='billing.pricechange'),
        ),
        migrations.AddField(
            model_name='pricechangerow',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='pricemove',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='quarantinedevent',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='savedview',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='savedview',
            name='owner',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='signin',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sign_ins', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='subscription',
            name='customer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='subscriptions', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='subscription',
            name='first',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='line', to='billing.subscription'),
        ),
        migrations.AddField(
            model_name='subscription',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='subscription',
            name='plan',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='subscriptions', to='billing.plan'),
        ),
        migrations.AddField(
            model_name='subscription',
            name='previous',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='successors', to='billing.subscription'),
        ),
        migrations.AddField(
            model_name='quarantinedevent',
            name='subscription',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.subscription'),
        ),
        migrations.AddField(
            model_name='pricemove',
            name='subscription',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='price_moves', to='billing.subscription'),
        ),
        migrations.AddField(
            model_name='pricechangerow',
            name='subscription',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.subscription'),
        ),
        migrations.AddField(
            model_name='pause',
            name='subscription',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pauses', to='billing.subscription'),
        ),
        migrations.AddField(
            model_name='event',
            name='subscription',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='billing.subscription'),
        ),
        migrations.AddField(
            model_name='alert',
            name='subscription',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='billing.subscription'),
        ),
        migrations.AddField(
            model_name='tax',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='plan',
            name='taxes',
            field=models.ManyToManyField(blank=True, related_name='+', to='billing.tax'),
        ),
        migrations.AddField(
            model_name='fixedcharge',
            name='taxes',
            field=models.ManyToManyField(blank=True, related_name='+', to='billing.tax'),
        ),
        migrations.AddField(
            model_name='charge',
            name='taxes',
            field=models.ManyToManyField(blank=True, related_name='+', to='billing.tax'),
        ),
        migrations.AddField(
            model_name='billingentity',
            name='taxes',
            field=models.ManyToManyField(blank=True, related_name='+', to='billing.tax'),
        ),
        migrations.AddField(
            model_name='addon',
            name='taxes',
            field=models.ManyToManyField(blank=True, related_name='+', to='billing.tax'),
        ),
        migrations.AddField(
            model_name='thresholdpassing',
            name='invoice',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='threshold_passings', to='invoicing.invoice'),
        ),
        migrations.AddField(
            model_name='thresholdpassing',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='thresholdpassing',
            name='subscription',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='threshold_passings', to='billing.subscription'),
        ),
        migrations.AddField(
            model_name='topupschedule',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='unitschange',
            name='fixed_charge',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='units_changes', to='billing.fixedcharge'),
        ),
        migrations.AddField(
            model_name='unitschange',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='unitschange',
            name='subscription',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='units_changes', to='billing.subscription'),
        ),
        migrations.AddField(
            model_name='usageactivity',
            name='organization',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='usageactivity',
            name='subscription',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='billing.subscription'),
        ),
        migrations.AddField(
            model_name='usagehour',
            name='metric',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.metric'),
        ),
        migrations.AddField(
            model_name='usagehour',
            name='organization',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='usagehour',
            name='subscription',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.subscription'),
        ),
        migrations.AddField(
            model_name='usagethreshold',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='usagethreshold',
            name='plan',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='thresholds', to='billing.plan'),
        ),
        migrations.AddField(
            model_name='usagethreshold',
            name='subscription',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='thresholds', to='billing.subscription'),
        ),
        migrations.AddField(
            model_name='wallet',
            name='customer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='wallets', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='wallet',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='topupschedule',
            name='wallet',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='top_up_schedule', to='billing.wallet'),
        ),
        migrations.AddField(
            model_name='alert',
            name='wallet',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='billing.wallet'),
        ),
        migrations.AddField(
            model_name='walletentry',
            name='invoice',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='wallet_entries', to='invoicing.invoice'),
        ),
        migrations.AddField(
            model_name='walletentry',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='walletentry',
            name='wallet',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='billing.wallet'),
        ),
        migrations.AddField(
            model_name='walletlot',
            name='entry',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='lot', to='billing.walletentry'),
        ),
        migrations.AddField(
            model_name='walletlot',
            name='organization',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.organization'),
        ),
        migrations.AddField(
            model_name='walletlot',
            name='wallet',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lots', to='billing.wallet'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('email'), name='user_email_without_case'),
        ),
        migrations.AddConstraint(
            model_name='metric',
            constraint=models.UniqueConstraint(condition=models.Q(('deleted_at', None)), fields=('organization', 'code'), name='metric_code'),
        ),
        migrations.AddConstraint(
            model_name='metric',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('aggregation', 'count'), ('expression', ''), ('field_name', '')), models.Q(models.Q(('aggregation', 'count'), _negated=True), models.Q(('expression', ''), ('field_name', ''), _negated=True)), _connector='OR'), name='metric_measures_unless_count'),
        ),
        migrations.AddConstraint(
            model_name='metric',
            constraint=models.CheckConstraint(condition=models.Q(('recurring', False), ('aggregation__in', ['sum', 'unique_count', 'weighted_sum']), _connector='OR'), name='metric_recurring_kinds'),
        ),
        migrations.AddConstraint(
            model_name='member',
            constraint=models.UniqueConstraint(fields=('organization', 'user'), name='one_membership_per_person'),
        ),
        migrations.AddConstraint(
            model_name='member',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['admin', 'finance', 'manager', 'support'])), name='member_role'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(condition=models.Q(('state__in', ['queued', 'running'])), fields=['queued_at'], name='job_open'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(fields=['subject_id'], name='job_by_subject'),
        ),
        migrations.AddConstraint(
            model_name='job',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['queued', 'running'])), fields=('organization', 'key'), name='one_open_job_per_key'),
        ),
        migrations.AddConstraint(
            model_name='fixedchargeprice',
            constraint=models.UniqueConstraint(fields=('fixed_charge', 'currency'), name='one_fixed_charge_price_per_currency'),
        ),
        migrations.AddIndex(
            model_name='emittedevent',
            index=models.Index(fields=['organization', '-at', '-id'], name='emitted_by_time'),
        ),
        migrations.AddIndex(
            model_name='emittedevent',
            index=models.Index(fields=['subject_id', '-at'], name='emitted_by_subject'),
        ),
        migrations.AddConstraint(
            model_name='coupon',
            constraint=models.UniqueConstraint(condition=models.Q(('deleted_at', None)), fields=('organization', 'code'), name='coupon_code'),
        ),
        migrations.AddConstraint(
            model_name='coupon',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(models.Q(('amount_minor__gt', 0), ('kind', 'fixed_amount'), ('percentage', None), models.Q(('currency', ''), _negated=True)), models.Q(('amount_minor', None), ('currency', ''), ('kind', 'percentage'), ('percentage__gt', 0), ('percentage__lte', 100)), _connector='OR'), models.Q(models.Q(('frequency', 'recurring'), ('periods__gt', 0)), models.Q(models.Q(('frequency', 'recurring'), _negated=True), ('periods', None)), _connector='OR')), name='coupon_terms'),
        ),
        migrations.AddConstraint(
            model_name='clockmove',
            constraint=models.CheckConstraint(condition=models.Q(('reached_at__gte', models.F('from_at')), ('reached_at__lte', models.F('to_at')), ('to_at__gt', models.F('from_at'))), name='clock_moves_forward'),
        ),
        migrations.AddConstraint(
            model_name='chargeprice',
            constraint=models.UniqueConstraint(fields=('charge', 'currency'), name='one_charge_price_per_currency'),
        ),
        migrations.AddConstraint(
            model_name='chargeprice',
            constraint=models.CheckConstraint(condition=models.Q(('min_amount_minor__gte', 0)), name='charge_price_minimum_not_negative'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['organization', '-at'], name='audit_by_time'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['subject_id', '-at'], name='audit_by_subject'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['customer', '-at'], name='audit_by_customer'),
        ),
        migrations.AddConstraint(
            model_name='appliedcoupon',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(models.Q(('amount_minor__gt', 0), ('kind', 'fixed_amount'), ('percentage', None), models.Q(('currency', ''), _negated=True)), models.Q(('amount_minor', None), ('currency', ''), ('kind', 'percentage'), ('percentage__gt', 0), ('percentage__lte', 100)), _connector='OR'), models.Q(models.Q(('frequency', 'recurring'), ('periods__gt', 0)), models.Q(models.Q(('frequency', 'recurring'), _negated=True), ('periods', None)), _connector='OR')), name='applied_coupon_terms'),
        ),
        migrations.AddConstraint(
            model_name='appliedcoupon',
            constraint=models.CheckConstraint(condition=models.Q(('remaining_minor', None), ('remaining_minor__gte', 0), _connector='OR'), name='applied_coupon_rest_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='appliedcoupon',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'active'), ('terminated_at', None)), models.Q(('status', 'terminated'), ('terminated_at__isnull', False)), _connector='OR'), name='applied_coupon_status'),
        ),
        migrations.AddIndex(
            model_name='alertcrossing',
            index=models.Index(condition=models.Q(('seen_at', None)), fields=['organization', '-at'], name='alert_crossing_unseen'),
        ),
        migrations.AddConstraint(
            model_name='addonprice',
            constraint=models.UniqueConstraint(fields=('add_on', 'currency'), name='one_add_on_price_per_currency'),
        ),
        migrations.AddConstraint(
            model_name='addonprice',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gte', 0)), name='add_on_price_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='planprice',
            constraint=models.UniqueConstraint(fields=('plan', 'currency'), name='one_price_per_currency'),
        ),
        migrations.AddConstraint(
            model_name='planprice',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gte', 0), ('commitment_minor__gte', 0)), name='plan_price_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='planversion',
            constraint=models.UniqueConstraint(fields=('plan', 'number'), name='plan_version_number'),
        ),
        migrations.AddConstraint(
            model_name='pricechange',
            constraint=models.UniqueConstraint(fields=('plan', 'version'), name='one_price_change_per_version'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(fields=('organization', 'noun', 'owner', 'name'), name='saved_view_name'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(condition=models.Q(('status__in', ['trialing', 'active', 'past_due'])), fields=['next_billing_at'], name='subscription_due'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(fields=['organization', 'external_id'], name='subscription_lookup'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(condition=models.Q(('status__in', ['trialing', 'active', 'past_due', 'paused'])), fields=['organization', 'customer'], name='subscription_live'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['trialing', 'active', 'paused', 'past_due']), models.Q(('previous', None), ('status', 'pending')), _connector='OR'), fields=('organization', 'external_id'), name='subscription_external_id'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'pending')), fields=('previous',), name='one_scheduled_change'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('previous__isnull', False), ('status', 'pending'), ('takes_over_at__isnull', False)), models.Q(('takes_over_at', None), models.Q(('previous', None), models.Q(('status', 'pending'), _negated=True), _connector='OR')), _connector='OR'), name='scheduled_change_has_its_moment'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'terminated'), _negated=True), ('terminated_at__isnull', False), _connector='OR'), name='terminated_subscription_has_its_moment'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['pending', 'canceled']), ('started_at__isnull', False), _connector='OR'), name='live_subscription_has_started'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('cancel_requested_at', None), ('ending_at__isnull', False), _connector='OR'), name='canceled_subscription_has_its_end'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('paused_at__isnull', False), ('status', 'paused')), models.Q(models.Q(('status', 'paused'), _negated=True), ('paused_at', None), ('resumes_at', None)), _connector='OR'), name='paused_subscription_has_its_moment'),
        ),
        migrations.AddConstraint(
            model_name='quarantinedevent',
            constraint=models.UniqueConstraint(fields=('organization', 'external_subscription_id', 'transaction_id'), name='quarantined_transaction_id'),
        ),
        migrations.AddIndex(
            model_name='pricechangerow',
            index=models.Index(fields=['change', 'outcome'], name='price_change_by_outcome'),
        ),
        migrations.AddConstraint(
            model_name='pricechangerow',
            constraint=models.UniqueConstraint(fields=('change', 'subscription'), name='price_change_row_once'),
        ),
        migrations.AddConstraint(
            model_name='pause',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('subscription',), name='one_open_pause'),
        ),
        migrations.AddConstraint(
            model_name='pause',
            constraint=models.CheckConstraint(condition=models.Q(('ended_at', None), ('ended_at__gte', models.F('started_at')), _connector='OR'), name='pause_forward'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['subscription', 'metric', 'timestamp'], name='event_by_metric_and_time'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['organization', 'id'], name='event_by_organization'),
        ),
        migrations.AddConstraint(
            model_name='event',
            constraint=models.UniqueConstraint(fields=('organization', 'external_subscription_id', 'transaction_id'), name='event_transaction_id'),
        ),
        migrations.AddConstraint(
            model_name='tax',
            constraint=models.UniqueConstraint(condition=models.Q(('deleted_at', None)), fields=('organization', 'code'), name='tax_code'),
        ),
        migrations.AddConstraint(
            model_name='tax',
            constraint=models.CheckConstraint(condition=models.Q(('rate__gte', 0), ('rate__lte', 100)), name='tax_rate_is_a_percentage'),
        ),
        migrations.AddIndex(
            model_name='plan',
            index=django.contrib.postgres.indexes.GinIndex(fields=['search_grams'], name='plan_search'),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.UniqueConstraint(condition=models.Q(('deleted_at', None)), fields=('organization', 'code'), name='plan_code'),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gte', 0)), name='plan_amount_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.CheckConstraint(condition=models.Q(('commitment_minor__gte', 0)), name='plan_commitment_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='fixedcharge',
            constraint=models.UniqueConstraint(condition=models.Q(('deleted_at', None)), fields=('plan', 'add_on'), name='one_fixed_charge_per_add_on'),
        ),
        migrations.AddConstraint(
            model_name='fixedcharge',
            constraint=models.CheckConstraint(condition=models.Q(('units__gte', 0)), name='fixed_charge_units_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='fixedcharge',
            constraint=models.CheckConstraint(condition=models.Q(('pay_in_advance', False), ('charge_model', 'standard'), models.Q(('charge_model', 'graduated'), ('prorated', False)), _connector='OR'), name='fixed_charge_in_advance_models'),
        ),
        migrations.AddConstraint(
            model_name='charge',
            constraint=models.CheckConstraint(condition=models.Q(('min_amount_minor__gte', 0)), name='charge_minimum_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='billingentity',
            constraint=models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('organization',), name='one_default_billing_entity'),
        ),
        migrations.AddConstraint(
            model_name='billingentity',
            constraint=models.UniqueConstraint(condition=models.Q(('deleted_at', None)), fields=('organization', 'code'), name='billing_entity_code'),
        ),
        migrations.AddConstraint(
            model_name='billingentity',
            constraint=models.CheckConstraint(condition=models.Q(('deleted_at', None), ('is_default', False), _connector='OR'), name='default_billing_entity_is_kept'),
        ),
        migrations.AddConstraint(
            model_name='addon',
            constraint=models.UniqueConstraint(condition=models.Q(('deleted_at', None)), fields=('organization', 'code'), name='add_on_code'),
        ),
        migrations.AddConstraint(
            model_name='addon',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gte', 0)), name='add_on_amount_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='thresholdpassing',
            constraint=models.UniqueConstraint(condition=models.Q(('recurring', False)), fields=('subscription', 'amount_minor'), name='fixed_threshold_passed_once'),
        ),
        migrations.AddConstraint(
            model_name='unitschange',
            constraint=models.CheckConstraint(condition=models.Q(('units__gte', 0)), name='changed_units_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='usagehour',
            constraint=models.UniqueConstraint(models.F('subscription'), models.F('metric'), models.F('hour'), django.db.models.functions.text.MD5(django.db.models.functions.comparison.Cast('facet', models.TextField())), name='one_roll_up_per_facet'),
        ),
        migrations.AddConstraint(
            model_name='usagethreshold',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gt', 0)), name='threshold_positive'),
        ),
        migrations.AddConstraint(
            model_name='usagethreshold',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('plan__isnull', False), ('subscription', None)), models.Q(('plan', None), ('subscription__isnull', False)), _connector='OR'), name='threshold_of_a_plan_or_a_subscription'),
        ),
        migrations.AddConstraint(
            model_name='usagethreshold',
            constraint=models.UniqueConstraint(fields=('plan', 'recurring', 'amount_minor'), name='plan_threshold_once'),
        ),
        migrations.AddConstraint(
            model_name='usagethreshold',
            constraint=models.UniqueConstraint(fields=('subscription', 'recurring', 'amount_minor'), name='subscription_threshold_once'),
        ),
        migrations.AddConstraint(
            model_name='usagethreshold',
            constraint=models.UniqueConstraint(condition=models.Q(('recurring', True)), fields=('plan',), name='one_recurring_threshold_of_a_plan'),
        ),
        migrations.AddConstraint(
            model_name='usagethreshold',
            constraint=models.UniqueConstraint(condition=models.Q(('recurring', True)), fields=('subscription',), name='one_recurring_threshold_of_a_subscription'),
        ),
        migrations.AddIndex(
            model_name='wallet',
            index=models.Index(fields=['organization', '-created_at', '-id'], include=('currency', 'status', 'balance_minor', 'is_primary', 'auto_top_up_enabled', 'untouched'), name='wallet_by_creation'),
        ),
        migrations.AddIndex(
            model_name='wallet',
            index=models.Index(condition=models.Q(('untouched', False)), fields=['organization', '-created_at', '-id'], include=('currency', 'status', 'balance_minor', 'is_primary', 'auto_top_up_enabled', 'untouched'), name='wallet_in_use'),
        ),
        migrations.AddIndex(
            model_name='wallet',
            index=models.Index(condition=models.Q(('name__gt', '')), fields=['organization', 'name', 'id'], name='wallet_by_name'),
        ),
        migrations.AddIndex(
            model_name='wallet',
            index=models.Index(condition=models.Q(('balance_minor__lt', models.F('low_balance_minor')), ('low_balance_minor__isnull', False), ('status', 'active'), ('untouched', False)), fields=['organization'], name='wallet_low'),
        ),
        migrations.AddIndex(
            model_name='wallet',
            index=models.Index(condition=models.Q(('balance_minor__lt', 0)), fields=['organization'], name='wallet_negative'),
        ),
        migrations.AddIndex(
            model_name='wallet',
            index=models.Index(condition=models.Q(('status', 'active'), _negated=True), fields=['organization', 'status'], name='wallet_ended'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.CheckConstraint(condition=models.Q(('balance_minor__gte', django.db.models.expressions.CombinedExpression(models.F('credit_limit_minor'), '*', models.Value(-1))), ('credit_limit_minor__gte', 0)), name='wallet_balance_within_limit'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.CheckConstraint(condition=models.Q(('balance_minor__lt', 0), ('credits_balance__gte', 0), _connector='OR'), name='wallet_credits_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.CheckConstraint(condition=models.Q(('auto_top_up_enabled', False), models.Q(('auto_top_up_minor__gt', 0), ('low_balance_minor__isnull', False)), _connector='OR'), name='wallet_auto_top_up_is_whole'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('max_balance_minor', None), ('max_balance_minor__gt', 0), _connector='OR'), models.Q(('max_single_credit_minor', None), ('max_single_credit_minor__gt', 0), _connector='OR'), models.Q(('auto_top_up_minor', None), ('auto_top_up_minor__gt', 0), _connector='OR'), models.Q(('low_balance_minor', None), ('low_balance_minor__gte', 0), _connector='OR')), name='wallet_limits_make_sense'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('low_balance_minor', None), ('max_balance_minor', None), ('low_balance_minor__lte', models.F('max_balance_minor')), _connector='OR'), models.Q(('auto_top_up_minor', None), ('max_single_credit_minor', None), ('auto_top_up_minor__lte', models.F('max_single_credit_minor')), _connector='OR')), name='wallet_limits_agree'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.UniqueConstraint(condition=models.Q(('is_primary', True), ('status', 'active')), fields=('customer',), name='one_primary_wallet'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.CheckConstraint(condition=models.Q(('rate__gt', 0)), name='wallet_rate_positive'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.CheckConstraint(condition=models.Q(('untouched', False), models.Q(('balance_minor', 0), ('credits_balance', 0)), _connector='OR'), name='wallet_untouched_is_empty'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'active'), ('terminated_at', None)), models.Q(('balance_minor', 0), ('status', 'terminated'), ('terminated_at__isnull', False)), _connector='OR'), name='wallet_status'),
        ),
        migrations.AddIndex(
            model_name='topupschedule',
            index=models.Index(condition=models.Q(('next_at__isnull', False)), fields=['next_at'], name='top_up_schedule_due'),
        ),
        migrations.AddConstraint(
            model_name='topupschedule',
            constraint=models.CheckConstraint(condition=models.Q(('granted_credits__gte', 0), ('paid_credits__gte', 0), ('target_credits__gte', 0), models.Q(models.Q(('method', 'target'), ('target_credits__gt', 0)), models.Q(('method', 'fixed'), ('paid_credits__gt', 0)), models.Q(('granted_credits__gt', 0), ('method', 'fixed')), _connector='OR')), name='top_up_schedule_has_credits'),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ('wallet_balance_amount', 'wallet_credits_balance')), ('subscription', None), ('wallet__isnull', False)), models.Q(models.Q(('kind__in', ('wallet_balance_amount', 'wallet_credits_balance')), _negated=True), ('subscription__isnull', False), ('wallet', None)), _connector='OR'), name='alert_target'),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ('billable_metric_current_usage_amount', 'billable_metric_current_usage_units', 'billable_metric_lifetime_usage_units')), ('metric__isnull', False)), models.Q(models.Q(('kind__in', ('billable_metric_current_usage_amount', 'billable_metric_current_usage_units', 'billable_metric_lifetime_usage_units')), _negated=True), ('metric', None)), _connector='OR'), name='alert_metric'),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.CheckConstraint(condition=models.Q(('recurring', None), ('recurring__gt', 0), _connector='OR'), name='alert_step_positive'),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.UniqueConstraint(condition=models.Q(('deleted_at', None), ('wallet', None)), fields=('subscription', 'kind', 'metric'), name='one_alert_per_kind', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.UniqueConstraint(condition=models.Q(('deleted_at', None), ('subscription', None)), fields=('wallet', 'kind'), name='one_wallet_alert_per_kind'),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.UniqueConstraint(condition=models.Q(('deleted_at', None)), fields=('organization', 'subscription', 'wallet', 'code'), name='alert_code', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='walletentry',
            constraint=models.UniqueConstraint(fields=('wallet', 'key'), name='wallet_entry_once'),
        ),
        migrations.AddConstraint(
            model_name='walletentry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount_minor__gte', 0), ('kind__in', ['granted', 'purchased', 'returned', 'settled'])), models.Q(('amount_minor__lte', 0), ('kind__in', ['consumed', 'voided', 'expired'])), ('kind__in', ['moved_in', 'moved_out']), _connector='OR'), name='wallet_entry_direction'),
        ),
        migrations.AddIndex(
            model_name='walletlot',
            index=models.Index(condition=models.Q(('expires_at__isnull', False), ('remaining_minor__gt', 0)), fields=['expires_at'], name='wallet_lot_expiring'),
        ),
        migrations.AddConstraint(
            model_name='walletlot',
            constraint=models.CheckConstraint(condition=models.Q(('remaining_minor__gte', 0)), name='wallet_lot_not_negative'),
        ),
    ])
