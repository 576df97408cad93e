-- Backfills: what a person asked to have listed at Stripe. Times of objects are Stripe's `created`, whole seconds.
CREATE TABLE sync.backfills (
  id            text COLLATE "C" PRIMARY KEY,
  workspace_id  text COLLATE "C" NOT NULL,
  connection_id text COLLATE "C" NOT NULL,
  bucket        text NOT NULL,                      -- the Stripe account whose pace its requests keep
  source        text NOT NULL CHECK (source IN ('backfill', 'transactions')),
  status        text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'completed', 'partial', 'failed', 'cancelled')),
  created_from  timestamptz,                        -- inclusive
  created_until timestamptz,                        -- exclusive
  accounts      text[] COLLATE "C" NOT NULL,        -- '' is the connection's own account
  connected     boolean NOT NULL,                   -- every connected account that the mirror knows, beside `accounts`
  per_second    double precision NOT NULL CHECK (per_second > 0),
  with_related  boolean NOT NULL,
  requested_at  timestamptz NOT NULL,
  ended_at      timestamptz,
  CHECK ((status = 'running') = (ended_at IS NULL))
);
CREATE INDEX ON sync.backfills (workspace_id, requested_at DESC, id DESC);
CREATE INDEX ON sync.backfills (id) WHERE status = 'running';

-- One listing each. The cursor (account, parent, after) is where the next page begins; `done` says that the last page of that
-- account and parent was written. It moves in the transaction that writes the page's rows, so a crash loses and doubles nothing.
-- `touched_at` and `wait_until` are real time: they say when the machine was last heard of, and when it means to come back.
CREATE TABLE sync.backfill_types (
  workspace_id    text COLLATE "C" NOT NULL,
  backfill_id     text COLLATE "C" NOT NULL REFERENCES sync.backfills ON DELETE CASCADE,
  type            text COLLATE "C" NOT NULL,
  position        integer NOT NULL,
  state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'finished', 'refused', 'failed', 'cancelled')),
  reason          text,
  account         text COLLATE "C",
  parent          text COLLATE "C" NOT NULL DEFAULT '',
  after           text COLLATE "C" NOT NULL DEFAULT '',
  done            boolean NOT NULL DEFAULT false,
  reached         timestamptz,
  pages           bigint NOT NULL DEFAULT 0,
  rows_listed     bigint NOT NULL DEFAULT 0,
  rows_changed    bigint NOT NULL DEFAULT 0,
  related_fetched bigint NOT NULL DEFAULT 0,
  related_missing bigint NOT NULL DEFAULT 0,
  failures        integer NOT NULL DEFAULT 0,       -- in a row
  execution_name  text,
  execution_arn   text,
  executions      integer NOT NULL DEFAULT 0,
  started_at      timestamptz,
  ended_at        timestamptz,
  touched_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  wait_until      timestamptz,
  PRIMARY KEY (backfill_id, type),
  CHECK ((state IN ('waiting', 'running')) = (ended_at IS NULL))
);
CREATE INDEX ON sync.backfill_types (workspace_id);

SELECT sync.protect(ARRAY['sync.backfills', 'sync.backfill_types']::regclass[]);

-- Running backfills whose machines need a look: one was named and not started, one has not been heard of for five minutes beyond
-- its wait, or nothing of the backfill runs though something waits.
CREATE FUNCTION sync.backfills_without_machine(most integer) RETURNS TABLE (workspace_id text, backfill_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT b.workspace_id, b.id
    FROM sync.backfills b JOIN sync.backfill_types t ON t.backfill_id = b.id
   WHERE b.status = 'running'
   GROUP BY b.workspace_id, b.id
  HAVING bool_or(t.state = 'running' AND t.execution_arn IS NULL AND t.touched_at < clock_timestamp() - interval '30 seconds')
      OR bool_or(t.state = 'running' AND greatest(t.touched_at, t.wait_until) < clock_timestamp() - interval '5 minutes')
      OR (NOT bool_or(t.state = 'running') AND max(t.touched_at) < clock_timestamp() - interval '30 seconds')
   ORDER BY b.id LIMIT most
$$;
GRANT EXECUTE ON FUNCTION sync.backfills_without_machine(integer) TO sync;
ALTER FUNCTION sync.backfills_without_machine(integer) OWNER TO sync_sweep;
