-- Raw events: the exact bytes of each webhook, once per (workspace, account, event id), whatever its type.
CREATE TABLE sync.raw_events (
  workspace_id  text COLLATE "C" NOT NULL,
  account       text COLLATE "C" NOT NULL,          -- '' is the connection's own account
  event_id      text COLLATE "C" NOT NULL,
  connection_id text COLLATE "C" NOT NULL,
  type          text COLLATE "C" NOT NULL,
  object_type   text COLLATE "C" NOT NULL,
  object_id     text COLLATE "C" NOT NULL,
  created_at    timestamptz NOT NULL,               -- the provider's time, whole seconds
  received_at   timestamptz NOT NULL,
  stored_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  arrival       bigint GENERATED ALWAYS AS IDENTITY, -- order of storing: the last word between events of one second
  deliveries    integer NOT NULL DEFAULT 1,
  status        text NOT NULL CHECK (status IN ('applied', 'superseded', 'kept', 'not_applied')),
  error         text,
  body          bytea NOT NULL,
  PRIMARY KEY (workspace_id, account, event_id)
);
CREATE INDEX ON sync.raw_events (workspace_id, received_at DESC, event_id DESC);
CREATE INDEX ON sync.raw_events (workspace_id, type, received_at DESC, event_id DESC);
CREATE INDEX ON sync.raw_events (workspace_id, account, object_type, object_id, created_at);

-- The latest state of each object. `told` names the facts already announced.
CREATE TABLE sync.objects (
  workspace_id     text COLLATE "C" NOT NULL,
  account          text COLLATE "C" NOT NULL,
  type             text COLLATE "C" NOT NULL,
  id               text COLLATE "C" NOT NULL,
  data             jsonb NOT NULL,
  deleted          boolean NOT NULL DEFAULT false,
  event_id         text COLLATE "C" NOT NULL,
  event_created_at timestamptz NOT NULL,
  updated_at       timestamptz NOT NULL,
  version          bigint NOT NULL DEFAULT 0,
  told             text[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (workspace_id, account, type, id)
);
CREATE INDEX ON sync.objects (workspace_id, type, updated_at DESC, id DESC, account DESC);

SELECT sync.protect(ARRAY['sync.raw_events', 'sync.objects']::regclass[]);

-- What higher contexts read of an invoice. Both shapes of a subscription's id are read.
CREATE VIEW sync_api.invoices WITH (security_barrier) AS
SELECT i.workspace_id, i.account, i.id, i.deleted, i.version,
       i.data->>'status' AS status, i.data->>'number' AS number,
       i.data->>'customer' AS customer_id,
       coalesce(i.data->>'customer_email', c.data->>'email') AS customer_email,
       coalesce(i.data->>'customer_name', c.data->>'name') AS customer_name,
       (i.data->>'amount_remaining')::bigint AS amount_remaining_minor,
       (i.data->>'amount_paid')::bigint AS amount_paid_minor,
       (i.data->>'total')::bigint AS total_minor,
       upper(i.data->>'currency') AS currency,
       i.data->>'hosted_invoice_url' AS hosted_invoice_url,
       coalesce((i.data->>'attempt_count')::integer, 0) AS attempt_count,
       to_timestamp((i.data->>'next_payment_attempt')::double precision) AS next_attempt_at,
       to_timestamp((i.data->>'due_date')::double precision) AS due_at
  FROM sync.objects i
  LEFT JOIN sync.objects c ON c.workspace_id = i.workspace_id AND c.account = i.account AND c.type = 'customer'
                          AND c.id = i.data->>'customer'
 WHERE i.type = 'invoice';
GRANT SELECT ON sync_api.invoices TO contexts;
