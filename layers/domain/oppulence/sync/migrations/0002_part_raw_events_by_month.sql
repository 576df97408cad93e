-- Raw events in one partition a month of the provider's time. What is stale or from the far future lies in the default one.
ALTER TABLE sync.raw_events RENAME TO raw_events_before;
ALTER TABLE sync.raw_events_before NO FORCE ROW LEVEL SECURITY;  -- the owner copies every workspace's rows

CREATE SEQUENCE sync.raw_arrival;
GRANT SELECT ON SEQUENCE sync.raw_arrival TO sync;  -- its last value says what had come in before Stripe was asked

CREATE TABLE sync.raw_events (
  workspace_id      text COLLATE "C" NOT NULL,
  account           text COLLATE "C" NOT NULL,          -- '' is the connection's own account
  event_id          text COLLATE "C" NOT NULL,
  connection_id     text COLLATE "C" NOT NULL,
  type              text COLLATE "C" NOT NULL,
  object_type       text COLLATE "C" NOT NULL,
  object_id         text COLLATE "C" NOT NULL,
  created_at        timestamptz NOT NULL,               -- the provider's time, whole seconds
  received_at       timestamptz NOT NULL,               -- of the first delivery
  last_received_at  timestamptz NOT NULL,
  stored_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  arrival           bigint NOT NULL DEFAULT nextval('sync.raw_arrival'),  -- order of storing
  deliveries        integer NOT NULL DEFAULT 1,
  via               text NOT NULL CHECK (via IN ('webhook', 'partner', 'events_api')),
  exact             boolean NOT NULL,                   -- the provider's own bytes; else somebody on the way wrote them anew
  livemode          boolean,
  api_version       text,
  request_id        text,                               -- of the API request that caused the event, and its idempotency key
  idempotency_key   text,
  pending_webhooks  integer,
  signed_at         timestamptz,                        -- the signature's time, of the first delivery
  status            text NOT NULL CHECK (status IN ('applied', 'superseded', 'kept', 'not_applied')),
  error             text,
  body              bytea NOT NULL,
  PRIMARY KEY (workspace_id, account, event_id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX ON sync.raw_events (workspace_id, received_at DESC, event_id DESC);
CREATE INDEX ON sync.raw_events (workspace_id, type, received_at DESC, event_id DESC);
CREATE INDEX ON sync.raw_events (workspace_id, account, object_type, object_id, created_at);

-- Policies of the parent hold for whoever goes through it. A partition has its own, and only the sweep role may name it.
CREATE FUNCTION sync.protect_partition(partition regclass) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  PERFORM sync.protect(ARRAY[partition]);
  EXECUTE format('REVOKE ALL ON %s FROM sync', partition);
END $$;

CREATE TABLE sync.raw_events_default PARTITION OF sync.raw_events DEFAULT;
SELECT sync.protect_partition('sync.raw_events_default');

-- Rows that came before their month's partition was made go into it.
CREATE FUNCTION sync.take_from_default(partition regclass, since timestamptz, until timestamptz) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  EXECUTE format('WITH taken AS (DELETE FROM sync.raw_events_default WHERE created_at >= $1 AND created_at < $2 RETURNING *)'
                 ' INSERT INTO %s SELECT * FROM taken', partition) USING since, until;
END $$;
ALTER FUNCTION sync.take_from_default(regclass, timestamptz, timestamptz) OWNER TO sync_sweep;
SET ROLE sync_sweep;
GRANT EXECUTE ON FUNCTION sync.take_from_default(regclass, timestamptz, timestamptz) TO sync_owner;
SET ROLE sync_owner;

-- Makes the partitions of these months that are missing; returns how many. Attaching lets writers of other months go on.
CREATE FUNCTION sync.add_raw_months(since date, until date) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  since_at timestamptz := date_trunc('month', since::timestamp) AT TIME ZONE 'UTC';
  until_at timestamptz;
  name text;
  made integer := 0;
BEGIN
  WHILE since_at < until::timestamp AT TIME ZONE 'UTC' LOOP
    until_at := (since_at AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
    name := 'raw_events_' || to_char(since_at AT TIME ZONE 'UTC', 'YYYY_MM');
    IF to_regclass('sync.' || name) IS NULL THEN
      EXECUTE format('CREATE TABLE sync.%I (LIKE sync.raw_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
      PERFORM sync.protect_partition(('sync.' || name)::regclass);
      PERFORM sync.take_from_default(('sync.' || name)::regclass, since_at, until_at);
      EXECUTE format('ALTER TABLE sync.raw_events ATTACH PARTITION sync.%I FOR VALUES FROM (%L) TO (%L)', name, since_at, until_at);
      made := made + 1;
    END IF;
    since_at := until_at;
  END LOOP;
  RETURN made;
END $$;
GRANT EXECUTE ON FUNCTION sync.add_raw_months(date, date) TO sync;

SELECT sync.add_raw_months((now() - interval '1 month')::date, (now() + interval '3 months')::date);
INSERT INTO sync.raw_events (workspace_id, account, event_id, connection_id, type, object_type, object_id, created_at, received_at,
                             last_received_at, stored_at, arrival, deliveries, via, exact, status, error, body)
SELECT workspace_id, account, event_id, connection_id, type, object_type, object_id, created_at, received_at,
       received_at, stored_at, arrival, deliveries, 'webhook', true, status, error, body
  FROM sync.raw_events_before;
SELECT setval('sync.raw_arrival', greatest(1, (SELECT max(arrival) FROM sync.raw_events_before)));
DROP TABLE sync.raw_events_before;
SELECT sync.protect(ARRAY['sync.raw_events']::regclass[]);  -- not before: the owner is bound by it too

-- `arrival` is that of the event whose state this is; of a fetched state, the last that had come in before Stripe was asked.
ALTER TABLE sync.objects
  ADD COLUMN connection_id text COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN arrival bigint NOT NULL DEFAULT 0;

-- What a workspace wants of its mirror. Without a row the defaults of the code hold; no days are for ever.
CREATE TABLE sync.settings (
  workspace_id       text COLLATE "C" PRIMARY KEY,
  raw_retention_days integer CHECK (raw_retention_days >= 35),
  updated_at         timestamptz NOT NULL
);

-- Raw events that were taken out: where each part lies, and what it holds.
CREATE TABLE sync.raw_exports (
  workspace_id      text COLLATE "C" NOT NULL,
  s3_key            text COLLATE "C" NOT NULL,
  month             date NOT NULL,
  events            integer NOT NULL,
  sha256            text NOT NULL,
  first_received_at timestamptz NOT NULL,
  last_received_at  timestamptz NOT NULL,
  exported_at       timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, s3_key)
);
CREATE INDEX ON sync.raw_exports (workspace_id, last_received_at);
SELECT sync.protect(ARRAY['sync.settings', 'sync.raw_exports']::regclass[]);

-- (workspace, month) of raw events whose time is over: created in a month that ended, and received, before the retention.
CREATE FUNCTION sync.expired_raw_months(default_days integer, at timestamptz, most integer)
  RETURNS TABLE (workspace_id text, month date) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH RECURSIVE known AS (
    (SELECT r.workspace_id FROM sync.raw_events r ORDER BY r.workspace_id LIMIT 1)
    UNION ALL
    SELECT (SELECT r.workspace_id FROM sync.raw_events r WHERE r.workspace_id > k.workspace_id ORDER BY r.workspace_id LIMIT 1)
      FROM known k WHERE k.workspace_id IS NOT NULL
  ), kept AS (
    SELECT k.workspace_id, at - make_interval(days => CASE WHEN s.workspace_id IS NULL THEN default_days
                                                           ELSE s.raw_retention_days END) AS since
      FROM known k LEFT JOIN sync.settings s USING (workspace_id)
  )
  SELECT k.workspace_id, m.month
    FROM kept k, LATERAL (
      SELECT DISTINCT date_trunc('month', r.created_at AT TIME ZONE 'UTC')::date AS month
        FROM sync.raw_events r
       WHERE r.workspace_id = k.workspace_id AND r.received_at < k.since
         AND r.created_at < date_trunc('month', k.since AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
    ) m
   ORDER BY m.month, k.workspace_id LIMIT most
$$;
ALTER FUNCTION sync.expired_raw_months(integer, timestamptz, integer) OWNER TO sync_sweep;
SET ROLE sync_sweep;
GRANT EXECUTE ON FUNCTION sync.expired_raw_months(integer, timestamptz, integer) TO sync;
SET ROLE sync_owner;
