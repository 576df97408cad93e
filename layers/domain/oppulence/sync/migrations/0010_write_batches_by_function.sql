-- What every batch of events runs, as functions: a session plans their statements once. Sent as text they were parsed and planned
-- anew for each batch, which took as long as running them; prepared by the driver they would pin a proxy's connection.

-- Bodies and states are kept as they are, most of them in the row: to compress them by PostgreSQL's own method took a third of the
-- time of writing. Where the server has LZ4, which takes a tenth of that, they are compressed by it.
DO $$
DECLARE
  quick boolean := EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals));
  place record;
BEGIN
  FOR place IN SELECT c.oid::regclass AS name, CASE c.relname WHEN 'objects' THEN 'data' ELSE 'body' END AS bulk, c.relkind
                 FROM pg_class c
                WHERE c.relnamespace = 'sync'::regnamespace AND c.relkind IN ('r', 'p')
                  AND (c.relname = 'objects' OR c.relname LIKE 'raw\_events%') LOOP
    EXECUTE format('ALTER TABLE %s ALTER %I SET %s', place.name, place.bulk,
                   CASE WHEN quick THEN 'COMPRESSION lz4' ELSE 'STORAGE EXTERNAL' END);
    IF place.relkind = 'r' AND NOT quick THEN
      EXECUTE format('ALTER TABLE %s SET (toast_tuple_target = 8160)', place.name);
    END IF;
  END LOOP;
END $$;

-- As before, and each new month stores bodies as the default partition does.
CREATE OR REPLACE FUNCTION sync.add_raw_months(since date, until date) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  since_at timestamptz := date_trunc('month', since::timestamp) AT TIME ZONE 'UTC';
  until_at timestamptz;
  name text;
  options text := (SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = 'sync.raw_events_default'::regclass);
  made integer := 0;
BEGIN
  WHILE since_at < until::timestamp AT TIME ZONE 'UTC' LOOP
    until_at := (since_at AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
    name := 'raw_events_' || to_char(since_at AT TIME ZONE 'UTC', 'YYYY_MM');
    IF to_regclass('sync.' || name) IS NULL THEN
      EXECUTE format('CREATE TABLE sync.%I (LIKE sync.raw_events_default INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE'
                     ' INCLUDING COMPRESSION) %s', name, 'WITH (' || options || ')');
      PERFORM sync.protect_partition(('sync.' || name)::regclass);
      PERFORM sync.take_from_default(('sync.' || name)::regclass, since_at, until_at);
      EXECUTE format('ALTER TABLE sync.raw_events ATTACH PARTITION sync.%I FOR VALUES FROM (%L) TO (%L)', name, since_at, until_at);
      made := made + 1;
    END IF;
    since_at := until_at;
  END LOOP;
  RETURN made;
END $$;

-- Raw events: a known one only counts its deliveries. The provider's own bytes take the place of those that are not.
CREATE FUNCTION sync.store_raw(
    workspace text, event_ids text[], accounts text[], connection_ids text[], types text[], object_types text[],
    object_ids text[], created timestamptz[], received timestamptz[], vias text[], exacts boolean[], livemodes boolean[],
    api_versions text[], request_ids text[], idempotency_keys text[], pending bigint[], signed timestamptz[], statuses text[],
    errors text[], bodies bytea[], delivered bigint[])
  RETURNS TABLE (account text, event_id text, arrival bigint, deliveries integer) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  INSERT INTO sync.raw_events AS r (
         workspace_id, last_received_at, event_id, account, connection_id, type, object_type, object_id, created_at, received_at,
         via, exact, livemode, api_version, request_id, idempotency_key, pending_webhooks, signed_at, status, error, body,
         deliveries)
  SELECT workspace, n.received_at, n.*
    FROM unnest(event_ids, accounts, connection_ids, types, object_types, object_ids, created, received, vias, exacts, livemodes,
                api_versions, request_ids, idempotency_keys, pending, signed, statuses, errors, bodies, delivered)
         AS n (event_id, account, connection_id, type, object_type, object_id, created_at, received_at, via, exact, livemode,
               api_version, request_id, idempotency_key, pending_webhooks, signed_at, status, error, body, deliveries)
  ON CONFLICT (workspace_id, account, event_id, created_at) DO UPDATE
     SET deliveries = r.deliveries + excluded.deliveries,
         last_received_at = greatest(r.last_received_at, excluded.last_received_at),
         body = CASE WHEN excluded.exact AND NOT r.exact THEN excluded.body ELSE r.body END,
         exact = r.exact OR excluded.exact
  RETURNING r.account, r.event_id, r.arrival, r.deliveries;
END $$;

-- Stored objects, until the transaction ends for the caller alone. The locks are advisory, so that an object not yet seen has
-- one too; they are taken in one order, so none deadlock. Each object is looked up by its key, however few rows there are:
-- the plan outlives the moment in which the table is small.
CREATE FUNCTION sync.lock_objects(workspace text, accounts text[], types text[], ids text[])
  RETURNS TABLE (account text, type text, id text, deleted boolean, event_id text, event_created_at timestamptz, version bigint,
                 told text[], arrival bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM pg_advisory_xact_lock(k.hash)
     FROM (SELECT DISTINCT hashtextextended(concat_ws(chr(31), 'sync.objects', workspace, account, type, id), 0) AS hash
             FROM unnest(accounts, types, ids) AS k (account, type, id) ORDER BY hash) AS k;
  RETURN QUERY
  SELECT o.account, o.type, o.id, o.deleted, o.event_id, o.event_created_at, o.version, o.told, o.arrival
    FROM unnest(accounts, types, ids) AS k (account, type, id)
   CROSS JOIN LATERAL (SELECT * FROM sync.objects o WHERE o.workspace_id = workspace AND o.account = k.account
                          AND o.type = k.type AND o.id = k.id LIMIT 1) AS o;
END $$;

-- While the planner knows little of the table, this index promises it as much as the primary key, and then all objects of a type
-- are looked through for one of them: only lists, which say `version > 0`, are to find it.
DROP INDEX sync.objects_workspace_id_type_updated_at_id_account_idx;
CREATE INDEX objects_listed ON sync.objects (workspace_id, type, updated_at DESC, id DESC, account DESC) WHERE version > 0;

-- Objects' new states, or where `states` is null only which facts were told; returns how many rows that changed.
CREATE FUNCTION sync.save_objects(
    workspace text, at timestamptz, accounts text[], types text[], ids text[], states text[], deletions boolean[],
    event_ids text[], created timestamptz[], versions bigint[], facts text[], arrivals bigint[], connection_ids text[])
  RETURNS integer LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  changed integer;
  retold integer := 0;
BEGIN
  INSERT INTO sync.objects AS o (workspace_id, updated_at, account, type, id, data, deleted, event_id, event_created_at, version,
                                 told, arrival, connection_id)
  SELECT workspace, at, n.account, n.type, n.id, n.data::jsonb, n.deleted, n.event_id, n.event_created_at, n.version,
         string_to_array(n.told, ' '), n.arrival, n.connection_id
    FROM unnest(accounts, types, ids, states, deletions, event_ids, created, versions, facts, arrivals, connection_ids)
         AS n (account, type, id, data, deleted, event_id, event_created_at, version, told, arrival, connection_id)
   WHERE n.data IS NOT NULL
  ON CONFLICT (workspace_id, account, type, id) DO UPDATE
     SET data = excluded.data, deleted = excluded.deleted, event_id = excluded.event_id,
         event_created_at = excluded.event_created_at, version = excluded.version, told = excluded.told,
         arrival = excluded.arrival, connection_id = excluded.connection_id,
         updated_at = CASE WHEN (o.version, o.data) IS DISTINCT FROM (excluded.version, excluded.data)
                           THEN excluded.updated_at ELSE o.updated_at END
   WHERE (o.version, o.told, o.event_created_at, o.arrival, o.data)
         IS DISTINCT FROM (excluded.version, excluded.told, excluded.event_created_at, excluded.arrival, excluded.data);
  GET DIAGNOSTICS changed = ROW_COUNT;
  IF array_position(states, NULL) IS NOT NULL THEN
    UPDATE sync.objects o SET told = string_to_array(n.told, ' ')
      FROM unnest(accounts, types, ids, states, facts) AS n (account, type, id, data, told)
     WHERE n.data IS NULL AND o.workspace_id = workspace AND o.account = n.account AND o.type = n.type AND o.id = n.id
       AND o.told IS DISTINCT FROM string_to_array(n.told, ' ');
    GET DIAGNOSTICS retold = ROW_COUNT;
  END IF;
  RETURN changed + retold;
END $$;

-- Stored events of objects in given seconds.
CREATE FUNCTION sync.siblings(workspace text, accounts text[], types text[], ids text[], seconds timestamptz[])
  RETURNS TABLE (account text, event_id text, arrival bigint, connection_id text, body bytea) LANGUAGE plpgsql STABLE
  SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT r.account, r.event_id, r.arrival, r.connection_id, r.body
    FROM unnest(accounts, types, ids, seconds) AS k (account, type, id, second)
   CROSS JOIN LATERAL (SELECT * FROM sync.raw_events r WHERE r.workspace_id = workspace AND r.account = k.account
                          AND r.object_type = k.type AND r.object_id = k.id AND r.created_at = k.second
                          AND r.status IN ('applied', 'superseded') OFFSET 0) AS r;
END $$;

GRANT EXECUTE ON FUNCTION
  sync.store_raw(text, text[], text[], text[], text[], text[], text[], timestamptz[], timestamptz[], text[], boolean[], boolean[],
                 text[], text[], text[], bigint[], timestamptz[], text[], text[], bytea[], bigint[]),
  sync.lock_objects(text, text[], text[], text[]),
  sync.save_objects(text, timestamptz, text[], text[], text[], text[], boolean[], text[], timestamptz[], bigint[], text[],
                    bigint[], text[]),
  sync.siblings(text, text[], text[], text[], timestamptz[]) TO sync;
