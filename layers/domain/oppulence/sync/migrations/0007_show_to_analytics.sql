-- What analytics reads: objects that are money or decide what is charged, which object an event was about, and every state
-- that a subscription was shown in. By keys only: each of these reads an index of the tables below.
CREATE VIEW sync_api.objects WITH (security_barrier) AS
SELECT o.workspace_id, o.account, o.type, o.id, o.deleted, o.version, o.event_created_at, o.data
  FROM sync.objects o
 WHERE o.version > 0
   AND o.type IN ('charge', 'refund', 'dispute', 'payout', 'balance_transaction', 'payment_intent', 'invoice_payment',
                  'subscription', 'discount', 'coupon');

CREATE VIEW sync_api.event_objects WITH (security_barrier) AS
SELECT r.workspace_id, r.account, r.event_id, r.object_type, r.object_id, r.created_at
  FROM sync.raw_events r
 WHERE r.status IN ('applied', 'superseded');

CREATE VIEW sync_api.subscription_events WITH (security_barrier) AS
SELECT r.workspace_id, r.account, r.event_id, r.object_type, r.object_id, r.created_at, r.arrival, r.body
  FROM sync.raw_events r
 WHERE r.object_type = 'subscription' AND r.status IN ('applied', 'superseded');

GRANT SELECT ON sync_api.objects, sync_api.event_objects, sync_api.subscription_events TO contexts;
