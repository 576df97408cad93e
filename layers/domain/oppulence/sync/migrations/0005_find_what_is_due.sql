-- Objects of which something is to be told that no event tells. Partial indexes: rows leave them once it was told.
CREATE INDEX objects_open_until ON sync.objects ((data->'due_date'))
  WHERE type = 'invoice' AND NOT deleted AND data->>'status' = 'open' AND jsonb_typeof(data->'due_date') = 'number'
    AND NOT told @> '{overdue}';
CREATE INDEX objects_cards ON sync.objects ((coalesce(data->'card', data)->'exp_year'), (coalesce(data->'card', data)->'exp_month'))
  WHERE type IN ('payment_method', 'card') AND NOT deleted AND data->>'customer' IS NOT NULL
    AND jsonb_typeof(coalesce(data->'card', data)->'exp_year') = 'number'
    AND jsonb_typeof(coalesce(data->'card', data)->'exp_month') = 'number';
CREATE INDEX objects_conversions ON sync.objects (workspace_id, account, (data->>'source'))
  WHERE type = 'balance_transaction' AND data->>'exchange_rate' IS NOT NULL AND NOT told @> '{recorded}';

CREATE FUNCTION sync.overdue_invoices(at timestamptz, most integer)
  RETURNS TABLE (workspace_id text, account text, type text, id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT o.workspace_id, o.account, o.type, o.id FROM sync.objects o
   WHERE o.type = 'invoice' AND NOT o.deleted AND o.data->>'status' = 'open' AND jsonb_typeof(o.data->'due_date') = 'number'
     AND NOT o.told @> '{overdue}' AND o.data->'due_date' < to_jsonb(extract(epoch FROM at))
   ORDER BY o.data->'due_date' LIMIT most
$$;

-- The two months as numbers of months: this one and the next.
CREATE FUNCTION sync.expiring_cards(at timestamptz, most integer)
  RETURNS TABLE (workspace_id text, account text, type text, id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT o.workspace_id, o.account, o.type, o.id
    FROM (SELECT date_trunc('month', at AT TIME ZONE 'UTC') + make_interval(months => n) AS month FROM generate_series(0, 1) AS n) m
    JOIN sync.objects o ON coalesce(o.data->'card', o.data)->'exp_year' = to_jsonb(extract(year FROM m.month))
                       AND coalesce(o.data->'card', o.data)->'exp_month' = to_jsonb(extract(month FROM m.month))
   WHERE o.type IN ('payment_method', 'card') AND NOT o.deleted AND o.data->>'customer' IS NOT NULL
     AND jsonb_typeof(coalesce(o.data->'card', o.data)->'exp_year') = 'number'
     AND jsonb_typeof(coalesce(o.data->'card', o.data)->'exp_month') = 'number'
     AND NOT o.told @> ARRAY['expiring:' || to_char(m.month, 'YYYY-MM')]
   LIMIT most
$$;

CREATE FUNCTION sync.conversions(at timestamptz, most integer)
  RETURNS TABLE (workspace_id text, account text, type text, id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT o.workspace_id, o.account, o.type, o.id FROM sync.objects o
   WHERE o.type = 'balance_transaction' AND o.data->>'exchange_rate' IS NOT NULL AND NOT o.told @> '{recorded}'
     AND (o.event_created_at < at - interval '1 day'
          OR EXISTS (SELECT FROM sync.objects s
                      WHERE s.workspace_id = o.workspace_id AND s.account = o.account AND s.type IN ('charge', 'refund')
                        AND s.id = o.data->>'source'))
   LIMIT most
$$;

ALTER FUNCTION sync.overdue_invoices(timestamptz, integer) OWNER TO sync_sweep;
ALTER FUNCTION sync.expiring_cards(timestamptz, integer) OWNER TO sync_sweep;
ALTER FUNCTION sync.conversions(timestamptz, integer) OWNER TO sync_sweep;
SET ROLE sync_sweep;
GRANT EXECUTE ON FUNCTION sync.overdue_invoices(timestamptz, integer), sync.expiring_cards(timestamptz, integer),
  sync.conversions(timestamptz, integer) TO sync;
SET ROLE sync_owner;
