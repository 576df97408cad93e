-- Views over the mirror with typed columns, one a type: made from oppulence/sync/typed_views.py by
-- `python -m oppulence.sync.view_sql`. Change that list, and put its text into a new migration.
DROP VIEW sync_api.invoices;

CREATE VIEW sync_api.customers WITH (security_barrier) AS
SELECT o.workspace_id, o.account, o.connection_id, o.id, o.deleted, o.version, o.updated_at AS mirrored_at,
       o.data->>'email' AS email,
       o.data->>'name' AS name,
       o.data->>'phone' AS phone,
       o.data->>'description' AS description,
       o.data #>> '{address,country}' AS country,
       upper(o.data->>'currency') AS currency,
       (coalesce(o.data->>'balance', o.data->>'account_balance'))::bigint AS balance_minor,
       (o.data->>'delinquent')::boolean AS delinquent,
       o.data->>'tax_exempt' AS tax_exempt,
       o.data->>'invoice_prefix' AS invoice_prefix,
       coalesce(o.data #>> '{invoice_settings,default_payment_method,id}',
         o.data #>> '{invoice_settings,default_payment_method}') AS default_payment_method_id,
       coalesce(o.data #>> '{default_source,id}', o.data->>'default_source') AS default_source_id,
       coalesce(o.data #>> '{discount,source,coupon,id}',
         o.data #>> '{discount,source,coupon}',
         o.data #>> '{discount,coupon,id}',
         o.data #>> '{discount,coupon}') AS coupon_id,
       to_timestamp((o.data->>'created')::double precision) AS created_at,
       (o.data->>'livemode')::boolean AS livemode,
       nullif(o.data->'metadata', 'null') AS metadata,
       o.data
  FROM sync.objects o
 WHERE o.type = 'customer' AND o.version > 0;

CREATE VIEW sync_api.subscriptions WITH (security_barrier) AS
SELECT o.workspace_id, o.account, o.connection_id, o.id, o.deleted, o.version, o.updated_at AS mirrored_at,
       o.data->>'status' AS status,
       coalesce(o.data #>> '{customer,id}', o.data->>'customer') AS customer_id,
       upper(coalesce(o.data->>'currency',
         o.data #>> '{items,data,0,price,currency}',
         o.data #>> '{plan,currency}')) AS currency,
       coalesce(o.data #>> '{items,data,0,price,id}',
         o.data #>> '{items,data,0,price}',
         o.data #>> '{items,data,0,plan,id}',
         o.data #>> '{items,data,0,plan}',
         o.data #>> '{plan,id}',
         o.data->>'plan') AS price_id,
       coalesce(o.data #>> '{items,data,0,price,product,id}',
         o.data #>> '{items,data,0,price,product}',
         o.data #>> '{plan,product,id}',
         o.data #>> '{plan,product}') AS product_id,
       (coalesce(o.data #>> '{items,data,0,quantity}', o.data->>'quantity'))::bigint AS quantity,
       o.data->>'collection_method' AS collection_method,
       (o.data->>'days_until_due')::bigint AS days_until_due,
       to_timestamp((coalesce(o.data #>> '{items,data,0,current_period_start}',
         o.data->>'current_period_start'))::double precision) AS current_period_start_at,
       to_timestamp((coalesce(o.data #>> '{items,data,0,current_period_end}',
         o.data->>'current_period_end'))::double precision) AS current_period_end_at,
       to_timestamp((o.data->>'billing_cycle_anchor')::double precision) AS billing_cycle_anchor_at,
       to_timestamp((o.data->>'cancel_at')::double precision) AS cancel_at,
       (o.data->>'cancel_at_period_end')::boolean AS cancel_at_period_end,
       to_timestamp((o.data->>'canceled_at')::double precision) AS canceled_at,
       o.data #>> '{cancellation_details,reason}' AS cancellation_reason,
       to_timestamp((o.data->>'ended_at')::double precision) AS ended_at,
       to_timestamp((coalesce(o.data->>'start_date', o.data->>'start'))::double precision) AS started_at,
       to_timestamp((o.data->>'trial_start')::double precision) AS trial_start_at,
       to_timestamp((o.data->>'trial_end')::double precision) AS trial_end_at,
       o.data #>> '{pause_collection,behavior}' AS pause_behavior,
       coalesce(o.data #>> '{latest_invoice,id}', o.data->>'latest_invoice') AS latest_invoice_id,
       coalesce(o.data #>> '{default_payment_method,id}',
         o.data->>'default_payment_method') AS default_payment_method_id,
       coalesce(o.data #>> '{schedule,id}', o.data->>'schedule') AS schedule_id,
       coalesce(o.data #>> '{discounts,0,source,coupon,id}',
         o.data #>> '{discounts,0,source,coupon}',
         o.data #>> '{discounts,0,coupon,id}',
         o.data #>> '{discounts,0,coupon}',
         o.data #>> '{discount,source,coupon,id}',
         o.data #>> '{discount,source,coupon}',
         o.data #>> '{discount,coupon,id}',
         o.data #>> '{discount,coupon}') AS coupon_id,
       to_timestamp((o.data->>'created')::double precision) AS created_at,
       (o.data->>'livemode')::boolean AS livemode,
       nullif(o.data->'metadata', 'null') AS metadata,
       o.data
  FROM sync.objects o
 WHERE o.type = 'subscription' AND o.version > 0;

CREATE VIEW sync_api.subscription_items WITH (security_barrier) AS
SELECT o.workspace_id, o.account, o.connection_id, o.id, o.deleted, o.version, o.updated_at AS mirrored_at,
       coalesce(o.data #>> '{subscription,id}', o.data->>'subscription') AS subscription_id,
       coalesce(o.data #>> '{price,id}',
         o.data->>'price',
         o.data #>> '{plan,id}',
         o.data->>'plan') AS price_id,
       coalesce(o.data #>> '{price,product,id}',
         o.data #>> '{price,product}',
         o.data #>> '{plan,product,id}',
         o.data #>> '{plan,product}') AS product_id,
       (o.data->>'quantity')::bigint AS quantity,
       upper(coalesce(o.data #>> '{price,currency}', o.data #>> '{plan,currency}')) AS currency,
       (coalesce(o.data #>> '{price,unit_amount}', o.data #>> '{plan,amount}'))::bigint AS unit_amount_minor,
       coalesce(o.data #>> '{price,recurring,interval}', o.data #>> '{plan,interval}') AS interval,
       (coalesce(o.data #>> '{price,recurring,interval_count}',
         o.data #>> '{plan,interval_count}'))::bigint AS interval_count,
       coalesce(o.data #>> '{price,recurring,usage_type}',
         o.data #>> '{plan,usage_type}') AS usage_type,
       to_timestamp((o.data->>'current_period_start')::double precision) AS current_period_start_at,
       to_timestamp((o.data->>'current_period_end')::double precision) AS current_period_end_at,
       to_timestamp((o.data->>'created')::double precision) AS created_at,
       nullif(o.data->'metadata', 'null') AS metadata,
       o.data
  FROM (
  SELECT s.workspace_id, s.account, s.connection_id, item->>'id' AS id, s.deleted, s.version, s.updated_at,
         jsonb_build_object('subscription', s.id, 'current_period_start', s.data->'current_period_start',
                            'current_period_end', s.data->'current_period_end') || item AS data
    FROM sync.objects s,
         jsonb_array_elements(CASE jsonb_typeof(s.data #> '{items,data}') WHEN 'array' THEN s.data #> '{items,data}' END) AS item
   WHERE s.type = 'subscription' AND s.version > 0
   UNION ALL
  SELECT i.workspace_id, i.account, i.connection_id, i.id, i.deleted, i.version, i.updated_at, i.data
    FROM sync.objects i
   WHERE i.type = 'subscription_item' AND i.version > 0 AND NOT EXISTS (
         SELECT FROM sync.objects s
          WHERE s.workspace_id = i.workspace_id AND s.account = i.account AND s.type = 'subscription'
            AND s.id = i.data->>'subscription' AND s.data #> '{items,data}' @> jsonb_build_array(jsonb_build_object('id', i.id)))
) o;

CREATE VIEW sync_api.invoices WITH (security_barrier) AS
SELECT o.workspace_id, o.account, o.connection_id, o.id, o.deleted, o.version, o.updated_at AS mirrored_at,
       o.data->>'status' AS status,
       o.data->>'number' AS number,
       coalesce(o.data #>> '{customer,id}', o.data->>'customer') AS customer_id,
       coalesce(o.data->>'customer_email', c.data->>'email') AS customer_email,
       coalesce(o.data->>'customer_name', c.data->>'name') AS customer_name,
       (o.data->>'amount_remaining')::bigint AS amount_remaining_minor,
       (o.data->>'amount_paid')::bigint AS amount_paid_minor,
       (o.data->>'total')::bigint AS total_minor,
       upper(o.data->>'currency') AS currency,
       o.data->>'hosted_invoice_url' AS hosted_invoice_url,
       coalesce((o.data->>'attempt_count')::integer, 0) AS attempt_count,
       to_timestamp((o.data->>'next_payment_attempt')::double precision) AS next_attempt_at,
       to_timestamp((o.data->>'due_date')::double precision) AS due_at,
       coalesce(o.data #>> '{parent,subscription_details,subscription,id}',
         o.data #>> '{parent,subscription_details,subscription}',
         o.data #>> '{subscription,id}',
         o.data->>'subscription') AS subscription_id,
       (o.data->>'amount_due')::bigint AS amount_due_minor,
       (o.data->>'subtotal')::bigint AS subtotal_minor,
       (coalesce(CASE jsonb_typeof(o.data->'total_taxes') WHEN 'array' THEN (SELECT coalesce(sum((e->>'amount')::bigint), 0)
           FROM jsonb_array_elements(o.data->'total_taxes') AS e)::text END,
         CASE jsonb_typeof(o.data->'total_tax_amounts') WHEN 'array' THEN (SELECT coalesce(sum((e->>'amount')::bigint), 0)
           FROM jsonb_array_elements(o.data->'total_tax_amounts') AS e)::text END,
         o.data->>'tax'))::bigint AS tax_minor,
       (CASE jsonb_typeof(o.data->'total_discount_amounts') WHEN 'array' THEN (SELECT coalesce(sum((e->>'amount')::bigint), 0)
           FROM jsonb_array_elements(o.data->'total_discount_amounts') AS e)::text END)::bigint AS discount_minor,
       (o.data->>'starting_balance')::bigint AS starting_balance_minor,
       (o.data->>'ending_balance')::bigint AS ending_balance_minor,
       o.data->>'billing_reason' AS billing_reason,
       o.data->>'collection_method' AS collection_method,
       (o.data->>'attempted')::boolean AS attempted,
       (o.data->>'auto_advance')::boolean AS auto_advance,
       coalesce(o.data #>> '{payments,data,0,payment,payment_intent,id}',
         o.data #>> '{payments,data,0,payment,payment_intent}',
         o.data #>> '{payment_intent,id}',
         o.data->>'payment_intent') AS payment_intent_id,
       coalesce(o.data #>> '{payments,data,0,payment,charge,id}',
         o.data #>> '{payments,data,0,payment,charge}',
         o.data #>> '{charge,id}',
         o.data->>'charge') AS charge_id,
       coalesce(o.data #>> '{default_payment_method,id}',
         o.data->>'default_payment_method') AS default_payment_method_id,
       coalesce(o.data #>> '{discounts,0,source,coupon,id}',
         o.data #>> '{discounts,0,source,coupon}',
         o.data #>> '{discounts,0,coupon,id}',
         o.data #>> '{discounts,0,coupon}',
         o.data #>> '{discount,source,coupon,id}',
         o.data #>> '{discount,source,coupon}',
         o.data #>> '{discount,coupon,id}',
         o.data #>> '{discount,coupon}') AS coupon_id,
       to_timestamp((o.data->>'period_start')::double precision) AS period_start_at,
       to_timestamp((o.data->>'period_end')::double precision) AS period_end_at,
       to_timestamp((o.data->>'effective_at')::double precision) AS effective_at,
       to_timestamp((o.data #>> '{status_transitions,finalized_at}')::double precision) AS finalized_at,
       to_timestamp((o.data #>> '{status_transitions,paid_at}')::double precision) AS paid_at,
       to_timestamp((o.data #>> '{status_transitions,marked_uncollectible_at}')::double precision) AS marked_uncollectible_at,
       to_timestamp((o.data #>> '{status_transitions,voided_at}')::double precision) AS voided_at,
       o.data->>'invoice_pdf' AS invoice_pdf,
       o.data->>'description' AS description,
       to_timestamp((o.data->>'created')::double precision) AS created_at,
       (o.data->>'livemode')::boolean AS livemode,
       nullif(o.data->'metadata', 'null') AS metadata,
       o.data
  FROM sync.objects o
  LEFT JOIN sync.objects c ON c.workspace_id = o.workspace_id AND c.account = o.account AND c.type = 'customer'
                          AND c.id = coalesce(o.data #>> '{customer,id}', o.data->>'customer')
 WHERE o.type = 'invoice' AND o.version > 0;

CREATE VIEW sync_api.charges WITH (security_barrier) AS
SELECT o.workspace_id, o.account, o.connection_id, o.id, o.deleted, o.version, o.updated_at AS mirrored_at,
       o.data->>'status' AS status,
       (o.data->>'amount')::bigint AS amount_minor,
       (o.data->>'amount_captured')::bigint AS amount_captured_minor,
       (o.data->>'amount_refunded')::bigint AS amount_refunded_minor,
       upper(o.data->>'currency') AS currency,
       (o.data->>'paid')::boolean AS paid,
       (o.data->>'captured')::boolean AS captured,
       (o.data->>'refunded')::boolean AS refunded,
       (o.data->>'disputed')::boolean AS disputed,
       coalesce(o.data #>> '{customer,id}', o.data->>'customer') AS customer_id,
       coalesce(o.data #>> '{payment_intent,id}', o.data->>'payment_intent') AS payment_intent_id,
       coalesce(o.data #>> '{invoice,id}', o.data->>'invoice') AS invoice_id,
       coalesce(o.data #>> '{payment_method,id}', o.data->>'payment_method') AS payment_method_id,
       coalesce(o.data #>> '{balance_transaction,id}', o.data->>'balance_transaction') AS balance_transaction_id,
       o.data->>'failure_code' AS failure_code,
       o.data->>'failure_message' AS failure_message,
       o.data #>> '{outcome,type}' AS outcome_type,
       o.data #>> '{outcome,reason}' AS outcome_reason,
       o.data #>> '{outcome,network_decline_code}' AS decline_code,
       o.data #>> '{outcome,risk_level}' AS risk_level,
       o.data #>> '{payment_method_details,type}' AS payment_method_type,
       o.data #>> '{payment_method_details,card,brand}' AS card_brand,
       o.data #>> '{payment_method_details,card,country}' AS card_country,
       o.data #>> '{payment_method_details,card,funding}' AS card_funding,
       o.data #>> '{payment_method_details,card,last4}' AS card_last4,
       o.data #>> '{billing_details,email}' AS billing_email,
       o.data->>'receipt_email' AS receipt_email,
       (o.data->>'application_fee_amount')::bigint AS application_fee_minor,
       coalesce(o.data #>> '{transfer,id}', o.data->>'transfer') AS transfer_id,
       o.data->>'description' AS description,
       to_timestamp((o.data->>'created')::double precision) AS created_at,
       (o.data->>'livemode')::boolean AS livemode,
       nullif(o.data->'metadata', 'null') AS metadata,
       o.data
  FROM sync.objects o
 WHERE o.type = 'charge' AND o.version > 0;

CREATE VIEW sync_api.payment_intents WITH (security_barrier) AS
SELECT o.workspace_id, o.account, o.connection_id, o.id, o.deleted, o.version, o.updated_at AS mirrored_at,
       o.data->>'status' AS status,
       (o.data->>'amount')::bigint AS amount_minor,
       (o.data->>'amount_received')::bigint AS amount_received_minor,
       (o.data->>'amount_capturable')::bigint AS amount_capturable_minor,
       upper(o.data->>'currency') AS currency,
       coalesce(o.data #>> '{customer,id}', o.data->>'customer') AS customer_id,
       coalesce(o.data #>> '{invoice,id}', o.data->>'invoice') AS invoice_id,
       coalesce(o.data #>> '{latest_charge,id}',
         o.data->>'latest_charge',
         o.data #>> '{charges,data,0,id}',
         o.data #>> '{charges,data,0}') AS latest_charge_id,
       coalesce(o.data #>> '{payment_method,id}',
         o.data->>'payment_method',
         o.data #>> '{source,id}',
         o.data->>'source') AS payment_method_id,
       o.data->>'capture_method' AS capture_method,
       o.data->>'confirmation_method' AS confirmation_method,
       o.data->>'setup_future_usage' AS setup_future_usage,
       to_timestamp((o.data->>'canceled_at')::double precision) AS canceled_at,
       o.data->>'cancellation_reason' AS cancellation_reason,
       o.data #>> '{last_payment_error,code}' AS last_error_code,
       o.data #>> '{last_payment_error,decline_code}' AS last_decline_code,
       o.data->>'receipt_email' AS receipt_email,
       o.data->>'description' AS description,
       to_timestamp((o.data->>'created')::double precision) AS created_at,
       (o.data->>'livemode')::boolean AS livemode,
       nullif(o.data->'metadata', 'null') AS metadata,
       o.data
  FROM sync.objects o
 WHERE o.type = 'payment_intent' AND o.version > 0;

CREATE VIEW sync_api.refunds WITH (security_barrier) AS
SELECT o.workspace_id, o.account, o.connection_id, o.id, o.deleted, o.version, o.updated_at AS mirrored_at,
       o.data->>'status' AS status,
       (o.data->>'amount')::bigint AS amount_minor,
       upper(o.data->>'currency') AS currency,
       o.data->>'reason' AS reason,
       o.data->>'failure_reason' AS failure_reason,
       coalesce(o.data #>> '{charge,id}', o.data->>'charge') AS charge_id,
       coalesce(o.data #>> '{payment_intent,id}', o.data->>'payment_intent') AS payment_intent_id,
       coalesce(o.data #>> '{balance_transaction,id}', o.data->>'balance_transaction') AS balance_transaction_id,
       coalesce(o.data #>> '{failure_balance_transaction,id}',
         o.data->>'failure_balance_transaction') AS failure_balance_transaction_id,
       o.data->>'receipt_number' AS receipt_number,
       o.data->>'description' AS description,
       to_timestamp((o.data->>'created')::double precision) AS created_at,
       nullif(o.data->'metadata', 'null') AS metadata,
       o.data
  FROM sync.objects o
 WHERE o.type = 'refund' AND o.version > 0;

CREATE VIEW sync_api.disputes WITH (security_barrier) AS
SELECT o.workspace_id, o.account, o.connection_id, o.id, o.deleted, o.version, o.updated_at AS mirrored_at,
       o.data->>'status' AS status,
       (o.data->>'amount')::bigint AS amount_minor,
       upper(o.data->>'currency') AS currency,
       o.data->>'reason' AS reason,
       coalesce(o.data #>> '{charge,id}', o.data->>'charge') AS charge_id,
       coalesce(o.data #>> '{payment_intent,id}', o.data->>'payment_intent') AS payment_intent_id,
       (o.data->>'is_charge_refundable')::boolean AS is_charge_refundable,
       to_timestamp((o.data #>> '{evidence_details,due_by}')::double precision) AS evidence_due_at,
       (o.data #>> '{evidence_details,has_evidence}')::boolean AS has_evidence,
       (o.data #>> '{evidence_details,submission_count}')::bigint AS submission_count,
       (CASE jsonb_typeof(o.data->'balance_transactions') WHEN 'array' THEN (SELECT coalesce(sum((e->>'net')::bigint), 0)
           FROM jsonb_array_elements(o.data->'balance_transactions') AS e)::text END)::bigint AS balance_net_minor,
       to_timestamp((o.data->>'created')::double precision) AS created_at,
       (o.data->>'livemode')::boolean AS livemode,
       nullif(o.data->'metadata', 'null') AS metadata,
       o.data
  FROM sync.objects o
 WHERE o.type = 'dispute' AND o.version > 0;

CREATE VIEW sync_api.payouts WITH (security_barrier) AS
SELECT o.workspace_id, o.account, o.connection_id, o.id, o.deleted, o.version, o.updated_at AS mirrored_at,
       o.data->>'status' AS status,
       (o.data->>'amount')::bigint AS amount_minor,
       upper(o.data->>'currency') AS currency,
       o.data->>'type' AS type,
       o.data->>'method' AS method,
       o.data->>'source_type' AS source_type,
       (o.data->>'automatic')::boolean AS automatic,
       to_timestamp((o.data->>'arrival_date')::double precision) AS arrival_at,
       coalesce(o.data #>> '{balance_transaction,id}', o.data->>'balance_transaction') AS balance_transaction_id,
       coalesce(o.data #>> '{destination,id}', o.data->>'destination') AS destination_id,
       o.data->>'failure_code' AS failure_code,
       o.data->>'failure_message' AS failure_message,
       coalesce(o.data #>> '{failure_balance_transaction,id}',
         o.data->>'failure_balance_transaction') AS failure_balance_transaction_id,
       o.data->>'reconciliation_status' AS reconciliation_status,
       o.data->>'statement_descriptor' AS statement_descriptor,
       o.data->>'description' AS description,
       to_timestamp((o.data->>'created')::double precision) AS created_at,
       (o.data->>'livemode')::boolean AS livemode,
       nullif(o.data->'metadata', 'null') AS metadata,
       o.data
  FROM sync.objects o
 WHERE o.type = 'payout' AND o.version > 0;

CREATE VIEW sync_api.balance_transactions WITH (security_barrier) AS
SELECT o.workspace_id, o.account, o.connection_id, o.id, o.deleted, o.version, o.updated_at AS mirrored_at,
       o.data->>'type' AS type,
       o.data->>'reporting_category' AS reporting_category,
       o.data->>'status' AS status,
       (o.data->>'amount')::bigint AS amount_minor,
       (o.data->>'fee')::bigint AS fee_minor,
       (o.data->>'net')::bigint AS net_minor,
       upper(o.data->>'currency') AS currency,
       (o.data->>'exchange_rate')::numeric AS exchange_rate,
       coalesce(o.data #>> '{source,id}', o.data->>'source') AS source_id,
       to_timestamp((o.data->>'available_on')::double precision) AS available_at,
       o.data->>'description' AS description,
       to_timestamp((o.data->>'created')::double precision) AS created_at,
       o.data
  FROM sync.objects o
 WHERE o.type = 'balance_transaction' AND o.version > 0;

CREATE VIEW sync_api.products WITH (security_barrier) AS
SELECT o.workspace_id, o.account, o.connection_id, o.id, o.deleted, o.version, o.updated_at AS mirrored_at,
       o.data->>'name' AS name,
       o.data->>'description' AS description,
       (o.data->>'active')::boolean AS active,
       coalesce(o.data #>> '{default_price,id}', o.data->>'default_price') AS default_price_id,
       coalesce(o.data #>> '{tax_code,id}', o.data->>'tax_code') AS tax_code_id,
       o.data->>'unit_label' AS unit_label,
       o.data->>'statement_descriptor' AS statement_descriptor,
       o.data->>'url' AS url,
       nullif(o.data->'images', 'null') AS images,
       to_timestamp((o.data->>'updated')::double precision) AS changed_at,
       to_timestamp((o.data->>'created')::double precision) AS created_at,
       (o.data->>'livemode')::boolean AS livemode,
       nullif(o.data->'metadata', 'null') AS metadata,
       o.data
  FROM sync.objects o
 WHERE o.type = 'product' AND o.version > 0;

CREATE VIEW sync_api.prices WITH (security_barrier) AS
SELECT o.workspace_id, o.account, o.connection_id, o.id, o.deleted, o.version, o.updated_at AS mirrored_at,
       coalesce(o.data #>> '{product,id}', o.data->>'product') AS product_id,
       (o.data->>'active')::boolean AS active,
       o.data->>'type' AS type,
       upper(o.data->>'currency') AS currency,
       (o.data->>'unit_amount')::bigint AS unit_amount_minor,
       (o.data->>'unit_amount_decimal')::numeric AS unit_amount,
       o.data->>'billing_scheme' AS billing_scheme,
       o.data->>'tiers_mode' AS tiers_mode,
       o.data #>> '{recurring,interval}' AS interval,
       (o.data #>> '{recurring,interval_count}')::bigint AS interval_count,
       o.data #>> '{recurring,usage_type}' AS usage_type,
       o.data #>> '{recurring,meter}' AS meter_id,
       o.data->>'lookup_key' AS lookup_key,
       o.data->>'nickname' AS nickname,
       o.data->>'tax_behavior' AS tax_behavior,
       to_timestamp((o.data->>'created')::double precision) AS created_at,
       (o.data->>'livemode')::boolean AS livemode,
       nullif(o.data->'metadata', 'null') AS metadata,
       o.data
  FROM sync.objects o
 WHERE o.type = 'price' AND o.version > 0;

CREATE VIEW sync_api.payment_methods WITH (security_barrier) AS
SELECT o.workspace_id, o.account, o.connection_id, o.id, o.deleted, o.version, o.updated_at AS mirrored_at,
       o.data->>'type' AS type,
       coalesce(o.data #>> '{customer,id}', o.data->>'customer') AS customer_id,
       o.data #>> '{card,brand}' AS card_brand,
       o.data #>> '{card,last4}' AS card_last4,
       (o.data #>> '{card,exp_month}')::bigint AS card_exp_month,
       (o.data #>> '{card,exp_year}')::bigint AS card_exp_year,
       o.data #>> '{card,country}' AS card_country,
       o.data #>> '{card,funding}' AS card_funding,
       o.data #>> '{card,fingerprint}' AS card_fingerprint,
       o.data #>> '{card,wallet,type}' AS card_wallet,
       coalesce(o.data #>> '{us_bank_account,last4}',
         o.data #>> '{sepa_debit,last4}',
         o.data #>> '{bacs_debit,last4}',
         o.data #>> '{au_becs_debit,last4}',
         o.data #>> '{acss_debit,last4}') AS bank_last4,
       o.data #>> '{billing_details,email}' AS billing_email,
       o.data #>> '{billing_details,name}' AS billing_name,
       o.data #>> '{billing_details,address,country}' AS billing_country,
       o.data->>'allow_redisplay' AS allow_redisplay,
       to_timestamp((o.data->>'created')::double precision) AS created_at,
       (o.data->>'livemode')::boolean AS livemode,
       nullif(o.data->'metadata', 'null') AS metadata,
       o.data
  FROM sync.objects o
 WHERE o.type = 'payment_method' AND o.version > 0;

CREATE VIEW sync_api.checkout_sessions WITH (security_barrier) AS
SELECT o.workspace_id, o.account, o.connection_id, o.id, o.deleted, o.version, o.updated_at AS mirrored_at,
       o.data->>'mode' AS mode,
       o.data->>'status' AS status,
       o.data->>'payment_status' AS payment_status,
       upper(o.data->>'currency') AS currency,
       (o.data->>'amount_subtotal')::bigint AS amount_subtotal_minor,
       (o.data->>'amount_total')::bigint AS amount_total_minor,
       (o.data #>> '{total_details,amount_tax}')::bigint AS tax_minor,
       (o.data #>> '{total_details,amount_discount}')::bigint AS discount_minor,
       coalesce(o.data #>> '{customer,id}', o.data->>'customer') AS customer_id,
       coalesce(o.data #>> '{customer_details,email}', o.data->>'customer_email') AS customer_email,
       coalesce(o.data #>> '{payment_intent,id}', o.data->>'payment_intent') AS payment_intent_id,
       coalesce(o.data #>> '{subscription,id}', o.data->>'subscription') AS subscription_id,
       coalesce(o.data #>> '{setup_intent,id}', o.data->>'setup_intent') AS setup_intent_id,
       coalesce(o.data #>> '{invoice,id}', o.data->>'invoice') AS invoice_id,
       coalesce(o.data #>> '{payment_link,id}', o.data->>'payment_link') AS payment_link_id,
       o.data->>'client_reference_id' AS client_reference_id,
       o.data->>'url' AS url,
       to_timestamp((o.data->>'expires_at')::double precision) AS expires_at,
       to_timestamp((o.data->>'created')::double precision) AS created_at,
       (o.data->>'livemode')::boolean AS livemode,
       nullif(o.data->'metadata', 'null') AS metadata,
       o.data
  FROM sync.objects o
 WHERE o.type = 'checkout.session' AND o.version > 0;

CREATE VIEW sync_api.credit_notes WITH (security_barrier) AS
SELECT o.workspace_id, o.account, o.connection_id, o.id, o.deleted, o.version, o.updated_at AS mirrored_at,
       o.data->>'number' AS number,
       o.data->>'status' AS status,
       o.data->>'type' AS type,
       o.data->>'reason' AS reason,
       coalesce(o.data #>> '{invoice,id}', o.data->>'invoice') AS invoice_id,
       coalesce(o.data #>> '{customer,id}', o.data->>'customer') AS customer_id,
       upper(o.data->>'currency') AS currency,
       (o.data->>'amount')::bigint AS amount_minor,
       (o.data->>'subtotal')::bigint AS subtotal_minor,
       (o.data->>'total')::bigint AS total_minor,
       (coalesce(CASE jsonb_typeof(o.data->'total_taxes') WHEN 'array' THEN (SELECT coalesce(sum((e->>'amount')::bigint), 0)
           FROM jsonb_array_elements(o.data->'total_taxes') AS e)::text END,
         CASE jsonb_typeof(o.data->'tax_amounts') WHEN 'array' THEN (SELECT coalesce(sum((e->>'amount')::bigint), 0)
           FROM jsonb_array_elements(o.data->'tax_amounts') AS e)::text END))::bigint AS tax_minor,
       (CASE jsonb_typeof(o.data->'discount_amounts') WHEN 'array' THEN (SELECT coalesce(sum((e->>'amount')::bigint), 0)
           FROM jsonb_array_elements(o.data->'discount_amounts') AS e)::text END)::bigint AS discount_minor,
       (o.data->>'pre_payment_amount')::bigint AS pre_payment_minor,
       (o.data->>'post_payment_amount')::bigint AS post_payment_minor,
       (o.data->>'out_of_band_amount')::bigint AS out_of_band_minor,
       o.data->>'memo' AS memo,
       o.data->>'pdf' AS pdf,
       to_timestamp((o.data->>'effective_at')::double precision) AS effective_at,
       to_timestamp((o.data->>'voided_at')::double precision) AS voided_at,
       to_timestamp((o.data->>'created')::double precision) AS created_at,
       (o.data->>'livemode')::boolean AS livemode,
       nullif(o.data->'metadata', 'null') AS metadata,
       o.data
  FROM sync.objects o
 WHERE o.type = 'credit_note' AND o.version > 0;

GRANT SELECT ON sync_api.customers, sync_api.subscriptions, sync_api.subscription_items, sync_api.invoices, sync_api.charges, sync_api.payment_intents, sync_api.refunds, sync_api.disputes, sync_api.payouts, sync_api.balance_transactions, sync_api.products, sync_api.prices, sync_api.payment_methods, sync_api.checkout_sessions, sync_api.credit_notes TO contexts;
