-- Replays of stored events: what each was to hold, and how far it is. One at a time runs in a workspace.
CREATE TABLE sync.replays (
  id                text COLLATE "C" PRIMARY KEY,
  workspace_id      text COLLATE "C" NOT NULL,
  status            text NOT NULL CHECK (status IN ('running', 'completed', 'cancelled')),
  selection         jsonb NOT NULL,
  plan              jsonb NOT NULL,
  last_arrival      bigint NOT NULL,                  -- what came in later is no part of it
  steps             integer NOT NULL DEFAULT 0,
  events_done       bigint NOT NULL DEFAULT 0,
  objects_changed   bigint NOT NULL DEFAULT 0,
  after_received_at timestamptz,                      -- the place of the last event that was replayed
  after_event_id    text COLLATE "C",
  after_account     text COLLATE "C",
  requested_by      text COLLATE "C" NOT NULL,
  created_at        timestamptz NOT NULL,
  updated_at        timestamptz NOT NULL,
  ended_at          timestamptz,
  CHECK ((status = 'running') = (ended_at IS NULL))
);
CREATE INDEX ON sync.replays (workspace_id, created_at DESC, id DESC);
CREATE UNIQUE INDEX ON sync.replays (workspace_id) WHERE status = 'running';
SELECT sync.protect(ARRAY['sync.replays']::regclass[]);

-- For the operator: whose events there are.
CREATE FUNCTION sync.workspaces_with_events() RETURNS SETOF text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH RECURSIVE known AS (
    (SELECT r.workspace_id FROM sync.raw_events r ORDER BY r.workspace_id LIMIT 1)
    UNION ALL
    SELECT (SELECT r.workspace_id FROM sync.raw_events r WHERE r.workspace_id > k.workspace_id ORDER BY r.workspace_id LIMIT 1)
      FROM known k WHERE k.workspace_id IS NOT NULL
  )
  SELECT k.workspace_id FROM known k WHERE k.workspace_id IS NOT NULL
$$;
ALTER FUNCTION sync.workspaces_with_events() OWNER TO sync_sweep;
SET ROLE sync_sweep;
GRANT EXECUTE ON FUNCTION sync.workspaces_with_events() TO sync;
SET ROLE sync_owner;
