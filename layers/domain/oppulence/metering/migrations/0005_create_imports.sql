-- Imports: files of usage events. Reading goes on at the byte `position`, before which `lines` lines lie; `skipping` says that it is
-- inside a line that was rejected for its length. The place moves in one transaction with the counters, after the events before it
-- were sent, so a crash repeats one part of the file at most. `stamped_at` is the instant at which the events of the next part are
-- stored, set with the place: repeated they are the same events, in the same batches.
-- `touched_at` is real time: when the machine was last heard of.
CREATE TABLE metering.imports (
  workspace_id   text COLLATE "C" NOT NULL,
  id             text COLLATE "C" NOT NULL CHECK (id ~ '^uim_[0-9A-Za-z]{20}$'),
  format         text COLLATE "C" NOT NULL CHECK (format IN ('ndjson', 'csv')),
  delimiter      text COLLATE "C" NOT NULL,
  columns        jsonb NOT NULL,                    -- of CSV: what its columns are, where their names do not say so
  source         text COLLATE "C" NOT NULL,         -- of events that name none
  size_bytes     bigint NOT NULL CHECK (size_bytes BETWEEN 1 AND 5368709120),
  most_rejected  bigint NOT NULL CHECK (most_rejected >= 0),
  status         text COLLATE "C" NOT NULL DEFAULT 'waiting'
                 CHECK (status IN ('waiting', 'running', 'completed', 'failed', 'cancelled', 'expired')),
  reason         text,
  etag           text COLLATE "C",                  -- of the file as it was when reading began
  header         text,                              -- of CSV: its first line
  position       bigint NOT NULL DEFAULT 0,
  lines          bigint NOT NULL DEFAULT 0,
  skipping       boolean NOT NULL DEFAULT false,
  stamped_at     timestamptz,
  accepted       bigint NOT NULL DEFAULT 0,
  rejected       bigint NOT NULL DEFAULT 0,
  errors_bytes   bigint NOT NULL DEFAULT 0,         -- of the error file that hold for `position`
  execution_name text COLLATE "C",
  execution_arn  text COLLATE "C",
  executions     integer NOT NULL DEFAULT 0,
  requested_at   timestamptz NOT NULL,
  started_at     timestamptz,
  ended_at       timestamptz,
  touched_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  removed_at     timestamptz,                       -- when its files were deleted
  PRIMARY KEY (workspace_id, id),
  CHECK ((status IN ('waiting', 'running')) = (ended_at IS NULL)),
  CHECK ((status = 'waiting') <= (started_at IS NULL))
);
CREATE INDEX ON metering.imports (workspace_id, requested_at DESC, id DESC);
CREATE INDEX ON metering.imports (touched_at) WHERE status = 'running';
CREATE INDEX ON metering.imports (requested_at) WHERE removed_at IS NULL;

SELECT metering.protect(ARRAY['metering.imports']::regclass[]);

-- Running imports whose machine needs a look: it was named and not started, or has not been heard of for five minutes.
CREATE FUNCTION metering.imports_without_machine(most integer) RETURNS TABLE (workspace_id text, id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT i.workspace_id, i.id FROM metering.imports i
   WHERE i.status = 'running'
     AND i.touched_at < clock_timestamp() - CASE WHEN i.execution_arn IS NULL THEN interval '30 seconds' ELSE interval '5 minutes' END
   ORDER BY i.touched_at LIMIT most
$$;

-- Imports whose files are past their time: asked for before that instant, and not under way.
CREATE FUNCTION metering.imports_to_clean(since timestamptz, most integer) RETURNS TABLE (workspace_id text, id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT i.workspace_id, i.id FROM metering.imports i
   WHERE i.removed_at IS NULL AND i.status <> 'running' AND i.requested_at < since
   ORDER BY i.requested_at LIMIT most
$$;
GRANT EXECUTE ON FUNCTION metering.imports_without_machine(integer), metering.imports_to_clean(timestamptz, integer) TO metering;
ALTER FUNCTION metering.imports_without_machine(integer) OWNER TO metering_sweep;
ALTER FUNCTION metering.imports_to_clean(timestamptz, integer) OWNER TO metering_sweep;
