-- Events that a consumer could not process, taken off SQS before it forgets them. Their bodies stand in S3 at `body_key`.

CREATE TABLE tenancy.dead_letters (
  id              text COLLATE "C" PRIMARY KEY,      -- follows from workspace, consumer and event
  workspace_id    text COLLATE "C" NOT NULL,         -- 'none' where it cannot be read, or is of no workspace
  queue           text COLLATE "C" NOT NULL,
  consumer        text COLLATE "C",                  -- null: what failed has no queue to go back to
  event_id        text COLLATE "C",
  event_type      text COLLATE "C",
  error           text NOT NULL,                     -- the error's class
  message         text NOT NULL,
  tries           integer NOT NULL CHECK (tries > 0),
  status          text NOT NULL CHECK (status IN ('pending', 'retrying', 'resolved', 'kept', 'discarded')),
  first_failed_at timestamptz NOT NULL,
  last_failed_at  timestamptz NOT NULL,
  sent_back_at    timestamptz,                       -- null while retrying: it has still to be sent
  decided_by      text COLLATE "C",
  decided_at      timestamptz,
  discard_reason  text,
  updated_at      timestamptz NOT NULL,
  message_ids     text[] NOT NULL,                   -- of SQS, one for each time it died: each counts once
  body_key        text NOT NULL,
  CHECK ((status = 'discarded') = (discard_reason IS NOT NULL))
);
CREATE INDEX ON tenancy.dead_letters (workspace_id, last_failed_at DESC, id DESC);
CREATE INDEX ON tenancy.dead_letters (status, first_failed_at) WHERE status IN ('pending', 'retrying', 'kept');
CREATE INDEX ON tenancy.dead_letters (updated_at) WHERE status IN ('resolved', 'discarded');
SELECT tenancy.protect(ARRAY['tenancy.dead_letters']::regclass[]);

-- What may be tried by itself: failed an hour ago and never sent back, or left behind by a sender that died; the oldest first.
CREATE FUNCTION tenancy.dead_letters_due(failed_before timestamptz, left_before timestamptz, most integer)
  RETURNS TABLE (workspace_id text, id text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT d.workspace_id, d.id FROM tenancy.dead_letters d
   WHERE (d.status = 'pending' AND d.last_failed_at <= failed_before)
      OR (d.status = 'retrying' AND d.sent_back_at IS NULL AND d.updated_at <= left_before)
   ORDER BY d.first_failed_at LIMIT most
$$;

CREATE FUNCTION tenancy.dead_letters_closed(closed_before timestamptz, most integer) RETURNS TABLE (workspace_id text, id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT d.workspace_id, d.id FROM tenancy.dead_letters d
   WHERE d.status IN ('resolved', 'discarded') AND d.updated_at <= closed_before ORDER BY d.updated_at LIMIT most
$$;

-- How many letters each queue has of each status, of all workspaces, and which workspaces those are.
CREATE FUNCTION tenancy.dead_letters_by_queue() RETURNS TABLE (queue text, status text, letters bigint, of_workspaces text[])
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT d.queue, d.status, count(*), array_agg(DISTINCT d.workspace_id) FROM tenancy.dead_letters d
   GROUP BY d.queue, d.status ORDER BY d.queue, d.status
$$;

-- Whoever processes a letter that was sent home says so, whatever it has become meanwhile.
CREATE FUNCTION tenancy.resolve_dead_letters(ids text[], at timestamptz) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE tenancy.dead_letters SET status = 'resolved', updated_at = at
   WHERE id = ANY (ids) AND status IN ('pending', 'retrying', 'kept')
     AND workspace_id IN (nullif(current_setting('app.workspace_id', true), ''), 'none')
$$;

GRANT EXECUTE ON FUNCTION tenancy.dead_letters_due(timestamptz, timestamptz, integer),
  tenancy.dead_letters_closed(timestamptz, integer), tenancy.dead_letters_by_queue() TO tenancy;
GRANT EXECUTE ON FUNCTION tenancy.resolve_dead_letters(text[], timestamptz) TO contexts;
ALTER FUNCTION tenancy.dead_letters_due(timestamptz, timestamptz, integer) OWNER TO tenancy_sweep;
ALTER FUNCTION tenancy.dead_letters_closed(timestamptz, integer) OWNER TO tenancy_sweep;
ALTER FUNCTION tenancy.dead_letters_by_queue() OWNER TO tenancy_sweep;
ALTER FUNCTION tenancy.resolve_dead_letters(text[], timestamptz) OWNER TO tenancy_sweep;

-- For each context: how many of its own events died. The table's policy decides whose.
CREATE VIEW tenancy_api.dead_letters WITH (security_barrier) AS
  SELECT workspace_id, id, consumer, event_id, event_type, status, tries, first_failed_at, last_failed_at FROM tenancy.dead_letters;
