-- Alerts: a meter's quantity is to reach a threshold, in each period of its own. `looked` is the settlement up to which what was
-- counted has been looked at; null: not at all since the threshold was set. `look_again_at`: when it is looked at without any usage.
CREATE TABLE metering.alerts (
  workspace_id  text COLLATE "C" NOT NULL,
  id            text COLLATE "C" NOT NULL CHECK (id ~ '^ual_[0-9A-Za-z]{20}$'),
  name          text,
  meter_id      text COLLATE "C" NOT NULL,
  subject       text COLLATE "C",                   -- one subject, or one customer; neither: each subject by itself
  customer_id   text COLLATE "C",
  period        text COLLATE "C" NOT NULL CHECK (period IN ('day', 'week', 'month', 'ever')),
  time_zone     text COLLATE "C" NOT NULL,
  threshold     numeric NOT NULL,                   -- `percent` of `of_quantity`, where those are given
  percent       numeric,
  of_quantity   numeric,
  rearm_below   numeric CHECK (rearm_below <= threshold),
  revision      integer NOT NULL,                   -- rises with each change
  threshold_revision integer NOT NULL,              -- the one that set the threshold: it arms the alert anew
  threshold_set_at   timestamptz NOT NULL,          -- periods that ended before are not looked at
  looked        bigint,
  look_again_at timestamptz,
  reached_at    timestamptz,
  created_at    timestamptz NOT NULL,
  updated_at    timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, meter_id) REFERENCES metering.meters ON DELETE CASCADE,
  CHECK (subject IS NULL OR customer_id IS NULL),
  CHECK ((percent IS NULL) = (of_quantity IS NULL))
);
CREATE INDEX ON metering.alerts (workspace_id, created_at DESC, id DESC);
CREATE INDEX ON metering.alerts (workspace_id, meter_id);
CREATE INDEX ON metering.alerts (look_again_at) WHERE look_again_at IS NOT NULL;

-- A threshold was reached and told. `who` is the subject, or the customer's id. `number`: which time it is for this one.
CREATE TABLE metering.alert_hits (
  workspace_id       text COLLATE "C" NOT NULL,
  alert_id           text COLLATE "C" NOT NULL,
  threshold_revision integer NOT NULL,
  who                text COLLATE "C" NOT NULL,
  number             integer NOT NULL,
  period_start       timestamptz NOT NULL,          -- -infinity: of no period
  quantity           numeric NOT NULL,
  settlement         bigint NOT NULL,
  reached_at         timestamptz NOT NULL,
  rearmed_at         timestamptz,                   -- when the quantity was seen below the lower bound
  PRIMARY KEY (workspace_id, alert_id, threshold_revision, who, number),
  FOREIGN KEY (workspace_id, alert_id) REFERENCES metering.alerts ON DELETE CASCADE
);
CREATE INDEX ON metering.alert_hits (workspace_id, alert_id, threshold_revision, who, period_start);

-- Hours of a workspace before this one are closed: what usage they had was told, or nobody ever will.
CREATE TABLE metering.closed_hours (
  workspace_id text COLLATE "C" PRIMARY KEY,
  closed_until timestamptz NOT NULL
);

-- Exports: files of a period, of all that was settled up to `settlement`; or, with `every`, a schedule that makes such exports.
-- Files are numbered from 1; `cursor` is where the next one begins. It moves with the row of the file before it, so an export
-- goes on after a crash with the number at which it stopped, and a file that was written and not noted is written again.
CREATE TABLE metering.exports (
  workspace_id text COLLATE "C" NOT NULL,
  id           text COLLATE "C" NOT NULL CHECK (id ~ '^uex_[0-9A-Za-z]{20}$'),
  schedule_id  text COLLATE "C",                    -- of an export that a schedule made
  kind         text COLLATE "C" NOT NULL CHECK (kind IN ('events', 'windows')),
  format       text COLLATE "C" NOT NULL CHECK (format IN ('csv', 'parquet')),
  selection    jsonb NOT NULL,
  since        timestamptz,
  until        timestamptz,
  every        text COLLATE "C" CHECK (every IN ('hour', 'day', 'month')),
  time_zone    text COLLATE "C" NOT NULL,
  next_at      timestamptz,                         -- of a schedule: the end of the next period
  status       text COLLATE "C" NOT NULL CHECK (status IN ('scheduled', 'running', 'completed', 'failed')),
  settlement   bigint,
  as_of        timestamptz,
  cursor       jsonb,
  files        integer NOT NULL DEFAULT 0,
  rows         bigint NOT NULL DEFAULT 0,
  bytes        bigint NOT NULL DEFAULT 0,
  done         bigint NOT NULL DEFAULT 0,           -- of `total`: rows of events, or windows of meters
  total        bigint,
  manifest_sha256 text,
  error        text,
  failures     integer NOT NULL DEFAULT 0,          -- in a row
  held_until   timestamptz NOT NULL DEFAULT '-infinity',  -- real time: somebody writes its files
  touched_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  requested_at timestamptz NOT NULL,
  ended_at     timestamptz,
  PRIMARY KEY (workspace_id, id),
  CHECK ((every IS NULL) = (since IS NOT NULL) AND (since IS NULL) = (until IS NULL) AND (every IS NULL) = (next_at IS NULL)),
  CHECK ((status IN ('completed', 'failed')) = (ended_at IS NOT NULL))
);
CREATE INDEX ON metering.exports (workspace_id, requested_at DESC, id DESC);
CREATE UNIQUE INDEX one_export_a_period ON metering.exports (workspace_id, schedule_id, since) WHERE schedule_id IS NOT NULL;
CREATE INDEX ON metering.exports (next_at) WHERE status = 'scheduled';
CREATE INDEX ON metering.exports (touched_at) WHERE status = 'running';

CREATE TABLE metering.export_files (
  workspace_id text COLLATE "C" NOT NULL,
  export_id    text COLLATE "C" NOT NULL,
  number       integer NOT NULL,
  rows         bigint NOT NULL,
  bytes        bigint NOT NULL,
  sha256       text COLLATE "C" NOT NULL,
  PRIMARY KEY (workspace_id, export_id, number),
  FOREIGN KEY (workspace_id, export_id) REFERENCES metering.exports ON DELETE CASCADE
);

SELECT metering.protect(ARRAY['metering.alerts', 'metering.alert_hits', 'metering.closed_hours', 'metering.exports',
                              'metering.export_files']::regclass[]);

-- What was settled for the transaction's workspace after a settlement, oldest first: the batches and the filled meters of each
-- number, at most `most` batches and at least one number. Nothing after a settlement that is under way.
CREATE FUNCTION metering.settled_after(after bigint, most integer)
  RETURNS TABLE (settlement bigint, batch_ids text[], filled_meter_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT f.number, f.ids, f.meter_id
    FROM (SELECT s.number, s.meter_id, b.ids,
                 sum(coalesce(cardinality(b.ids), 1)) OVER (ORDER BY s.number) - coalesce(cardinality(b.ids), 1) AS before
            FROM (SELECT settlement AS number, array_agg(id ORDER BY id) AS ids FROM metering.batches
                   WHERE workspace_id = current_setting('app.workspace_id') AND settlement > after GROUP BY settlement) b
            FULL JOIN (SELECT number, meter_id FROM metering.settlements
                        WHERE workspace_id = current_setting('app.workspace_id') AND number > after) fills USING (number)
            JOIN metering.workspaces w ON w.workspace_id = current_setting('app.workspace_id')
            JOIN metering.settlements s ON s.shard = w.shard AND s.number = coalesce(b.number, fills.number)
           WHERE s.settled_at IS NOT NULL) f
   WHERE f.before < most ORDER BY f.number
$$;

-- Workspaces whose alerts have something to look at: never looked at, due, or usage settled since.
CREATE FUNCTION metering.workspaces_with_alerts_to_look_at(at timestamptz, most integer) RETURNS TABLE (workspace_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT DISTINCT a.workspace_id
    FROM metering.alerts a
    JOIN metering.workspaces w ON w.workspace_id = a.workspace_id
   WHERE w.erased_at IS NULL AND (a.looked IS NULL OR a.look_again_at <= at
      OR EXISTS (SELECT FROM metering.batches b JOIN metering.settlements s ON s.shard = w.shard AND s.number = b.settlement
                  WHERE b.workspace_id = a.workspace_id AND b.settlement > a.looked AND s.settled_at IS NOT NULL)
      OR EXISTS (SELECT FROM metering.settlements s WHERE s.shard = w.shard AND s.number > a.looked
                    AND s.workspace_id = a.workspace_id AND s.settled_at IS NOT NULL))
   ORDER BY 1 LIMIT most
$$;

-- Workspaces with usage in hours that can be closed: what landed by `landed_by` (real time) is settled, and something of theirs
-- happened in the hours since `closed_until`, which is the hour of their first meter where none was closed before.
CREATE FUNCTION metering.workspaces_with_hours_to_close(hour_end timestamptz, landed_by timestamptz, most integer)
  RETURNS TABLE (workspace_id text, closed_until timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT w.workspace_id, c.closed_until
    FROM metering.workspaces w
    LEFT JOIN metering.closed_hours h ON h.workspace_id = w.workspace_id
    CROSS JOIN LATERAL (SELECT coalesce(h.closed_until, (SELECT date_trunc('hour', min(m.created_at), 'UTC')
                                                           FROM metering.meters m WHERE m.workspace_id = w.workspace_id))
                            AS closed_until) c
   WHERE w.erased_at IS NULL AND c.closed_until < hour_end
     AND EXISTS (SELECT FROM metering.batches b WHERE b.workspace_id = w.workspace_id AND b.latest >= c.closed_until)
     AND NOT EXISTS (SELECT FROM metering.batches b
                      WHERE b.workspace_id = w.workspace_id AND b.landed_at < landed_by
                        AND (b.settlement IS NULL OR b.settlement > metering.last_settled(w.shard)))
   ORDER BY 1 LIMIT most
$$;

-- Schedules whose next period is over, and exports that nobody has worked on for a while.
CREATE FUNCTION metering.exports_to_start(at timestamptz, most integer) RETURNS TABLE (workspace_id text, id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT e.workspace_id, e.id FROM metering.exports e WHERE e.status = 'scheduled' AND e.next_at <= at ORDER BY e.next_at LIMIT most
$$;
CREATE FUNCTION metering.exports_left_behind(most integer) RETURNS TABLE (workspace_id text, id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT e.workspace_id, e.id FROM metering.exports e
   WHERE e.status = 'running' AND e.touched_at < clock_timestamp() - interval '10 minutes' AND e.held_until < clock_timestamp()
   ORDER BY e.touched_at LIMIT most
$$;

DO $$
DECLARE f regprocedure;
BEGIN
  FOR f IN SELECT p.oid::regprocedure FROM pg_proc p
            WHERE p.pronamespace = 'metering'::regnamespace AND p.prosecdef AND p.proowner = 'metering_owner'::regrole LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO metering_sweep', f);
    EXECUTE format('SET ROLE metering_sweep');
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO metering', f);
    EXECUTE format('SET ROLE metering_owner');
  END LOOP;
END $$;
