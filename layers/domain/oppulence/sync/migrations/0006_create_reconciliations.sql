-- How far each connection's events were compared with the provider's own list, per account ('' is the connection's own).
CREATE TABLE sync.reconciliations (
  workspace_id    text COLLATE "C" NOT NULL,
  connection_id   text COLLATE "C" NOT NULL,
  account         text COLLATE "C" NOT NULL,
  checked_through timestamptz,                    -- every event created before this was compared; the provider's time
  pass_began_at   timestamptz,                    -- of a pass that has not reached its end: when its first page was asked for
  pass_cursor     text COLLATE "C",               -- and the last event it compared
  tried_at        timestamptz NOT NULL,
  succeeded_at    timestamptz,
  error           text,
  events_compared bigint NOT NULL DEFAULT 0,
  gaps_found      bigint NOT NULL DEFAULT 0,
  gaps_closed     bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, connection_id, account)
);

-- Events that the provider has and that never came in by themselves. `closed_at` is null while one cannot be taken in.
CREATE TABLE sync.gaps (
  workspace_id  text COLLATE "C" NOT NULL,
  connection_id text COLLATE "C" NOT NULL,
  account       text COLLATE "C" NOT NULL,
  event_id      text COLLATE "C" NOT NULL,
  type          text COLLATE "C" NOT NULL,
  created_at    timestamptz NOT NULL,             -- the provider's time
  found_at      timestamptz NOT NULL,
  closed_at     timestamptz,
  error         text,
  PRIMARY KEY (workspace_id, connection_id, account, event_id)
);
CREATE INDEX ON sync.gaps (workspace_id, found_at DESC, event_id DESC);
CREATE INDEX ON sync.gaps (workspace_id, connection_id) WHERE closed_at IS NULL;

-- Samples: objects of one type created on one day (UTC), as the provider lists them and as the mirror has them.
CREATE TABLE sync.comparisons (
  workspace_id  text COLLATE "C" NOT NULL,
  connection_id text COLLATE "C" NOT NULL,
  account       text COLLATE "C" NOT NULL,
  object_type   text COLLATE "C" NOT NULL,
  day           date NOT NULL,
  compared_from timestamptz NOT NULL,             -- later than the day's beginning where the day was too long to list whole
  compared_at   timestamptz NOT NULL,
  listed        bigint NOT NULL,
  mirrored      bigint NOT NULL,
  listed_sums   jsonb NOT NULL,                   -- currency -> minor units
  mirrored_sums jsonb NOT NULL,
  missing       bigint NOT NULL,                  -- listed, and not in the mirror
  surplus       bigint NOT NULL,                  -- in the mirror, and not listed: each is fetched
  repaired      bigint NOT NULL,                  -- objects that changed when the listed states were taken in
  PRIMARY KEY (workspace_id, connection_id, account, object_type, day)
);
CREATE INDEX ON sync.comparisons (workspace_id, compared_at DESC, connection_id DESC, account DESC, object_type DESC, day DESC);
SELECT sync.protect(ARRAY['sync.reconciliations', 'sync.gaps', 'sync.comparisons']::regclass[]);
