-- Workspaces' shards, and how often what their meters count changed. The row is made with the first meter or the first event, and
-- stays when the workspace is erased: what then still comes of its events is dropped.
CREATE TABLE metering.workspaces (
  workspace_id text COLLATE "C" PRIMARY KEY,
  shard        smallint NOT NULL CHECK (shard BETWEEN 0 AND 15),
  revision     bigint NOT NULL DEFAULT 0,  -- rises with each version, archiving and deletion of a meter, in the order of commits
  erased_at    timestamptz
);
CREATE INDEX workspaces_of_shard ON metering.workspaces (shard);

-- `revision`: the workspace's when the version came. `filled`: the last settlement before it was taken up; every later one counts
-- for it, and what was settled until then is counted by fills. `filled_to`: they have counted the events of settlements up to this.
ALTER TABLE metering.meter_versions
  ADD COLUMN revision bigint NOT NULL DEFAULT 0, ADD COLUMN filled bigint, ADD COLUMN filled_to bigint;
CREATE INDEX to_fill ON metering.meter_versions (workspace_id) WHERE filled IS NULL OR filled_to < filled;

-- Batches that have landed. `revision`: versions of meters up to it are reckoned in them.
CREATE TABLE metering.batches (
  workspace_id text COLLATE "C" NOT NULL,
  id           text COLLATE "C" NOT NULL,
  shard        smallint NOT NULL,
  events       integer NOT NULL CHECK (events > 0),
  size         bigint NOT NULL,            -- bytes of the events' data
  latest       timestamptz NOT NULL,       -- the greatest of the events' own times
  revision     bigint NOT NULL,
  archive      text COLLATE "C" NOT NULL,  -- the object that holds it, below the workspace's folder
  landed_at    timestamptz NOT NULL,
  settlement   bigint,                     -- set with the intent
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX unsettled ON metering.batches (shard, workspace_id, landed_at, id) WHERE settlement IS NULL;
CREATE INDEX of_settlement ON metering.batches (shard, settlement) WHERE settlement IS NOT NULL;
CREATE INDEX of_workspace ON metering.batches (workspace_id, settlement);
CREATE INDEX of_time ON metering.batches (workspace_id, latest);

-- Settlements of a shard, numbered from 1 without gaps: first the intent, then its rows in ClickHouse, then `settled_at`. One
-- settles batches, or it fills: it counts events of the settlements in (since, until] for one version of a meter.
CREATE TABLE metering.settlements (
  shard        smallint NOT NULL,
  number       bigint NOT NULL CHECK (number > 0),
  workspace_id text COLLATE "C",           -- of a fill
  meter_id     text COLLATE "C",
  version      integer,
  since        bigint,
  until        bigint,
  intended_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  settled_at   timestamptz,                -- domain time, never before an earlier number's
  PRIMARY KEY (shard, number),
  CHECK (num_nulls(workspace_id, meter_id, version, since, until) IN (0, 5))
);
CREATE UNIQUE INDEX one_at_a_time ON metering.settlements (shard) WHERE settled_at IS NULL;
CREATE INDEX by_time ON metering.settlements (shard, settled_at);

-- Who settles a shard, until when. `generation` rises when its rows in ClickHouse are made anew, so that none is taken for a repeat.
CREATE TABLE metering.shards (
  shard        smallint PRIMARY KEY CHECK (shard BETWEEN 0 AND 15),
  holder       text,
  held_until   timestamptz NOT NULL DEFAULT '-infinity',
  generation   integer NOT NULL DEFAULT 1
);
INSERT INTO metering.shards (shard) SELECT generate_series(0, 15);

SELECT metering.protect(ARRAY['metering.workspaces', 'metering.batches']::regclass[]);

-- Settlements and shards are nobody's in particular: only functions of the sweep role reach them.
REVOKE ALL ON metering.settlements, metering.shards FROM metering;
GRANT SELECT, INSERT, UPDATE, DELETE ON metering.settlements, metering.shards TO metering_sweep;
ALTER TABLE metering.settlements ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE metering.shards ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY sweep ON metering.settlements TO metering_sweep USING (true);
CREATE POLICY sweep ON metering.shards TO metering_sweep USING (true);

-- Landing. The workspaces of some batches, made where they are new; erased ones are left out.
CREATE FUNCTION metering.open_workspaces(ids text[], shards smallint[])
  RETURNS TABLE (workspace_id text, shard smallint, revision bigint)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO metering.workspaces (workspace_id, shard)
  SELECT n.id, n.shard FROM unnest(ids, shards) AS n (id, shard)
   WHERE NOT EXISTS (SELECT FROM metering.workspaces w WHERE w.workspace_id = n.id) ORDER BY n.id
  ON CONFLICT DO NOTHING;
  RETURN QUERY SELECT w.workspace_id, w.shard, w.revision FROM metering.workspaces w
                WHERE w.workspace_id = ANY (ids) AND w.erased_at IS NULL;
END $$;

-- Which of some batches are registered already.
CREATE FUNCTION metering.known_batches(workspaces text[], ids text[]) RETURNS TABLE (workspace_id text, id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT b.workspace_id, b.id FROM unnest(workspaces, ids) AS n (workspace_id, id)
    JOIN metering.batches b ON b.workspace_id = n.workspace_id AND b.id = n.id
$$;

-- All that meters of some workspaces count, with the workspace's revision of the same moment; a workspace without meters has one
-- row without a version.
CREATE FUNCTION metering.versions_of(ids text[])
  RETURNS TABLE (workspace_id text, revision bigint, since_revision bigint, filled bigint, meter_id text, slug text,
                 version integer, aggregation text, percentile numeric, carry_over boolean, prorated text, event_type text,
                 value_property text, operation_property text, group_by jsonb, filter jsonb, rounding jsonb,
                 effective_from timestamptz, effective_until timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT w.workspace_id, w.revision, v.revision, v.filled, v.meter_id, m.slug, v.version, m.aggregation, m.percentile,
         m.carry_over, m.prorated, v.event_type, v.value_property, v.operation_property, v.group_by, v.filter, v.rounding,
         v.effective_from,
         least(lead(v.effective_from) OVER (PARTITION BY v.workspace_id, v.meter_id ORDER BY v.version), m.archived_at)
    FROM metering.workspaces w
    LEFT JOIN metering.meter_versions v ON v.workspace_id = w.workspace_id
    LEFT JOIN metering.meters m ON m.workspace_id = v.workspace_id AND m.id = v.meter_id
   WHERE w.workspace_id = ANY (ids) AND w.erased_at IS NULL
$$;

-- Landed batches; one that is registered already stays as it is. Erased workspaces get none.
CREATE FUNCTION metering.register_batches(workspaces text[], ids text[], events integer[], sizes bigint[], latest timestamptz[],
                                          revisions bigint[], archives text[]) RETURNS bigint
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH open AS (
    SELECT w.workspace_id, w.shard FROM metering.workspaces w WHERE w.workspace_id = ANY (workspaces) AND w.erased_at IS NULL
     ORDER BY w.workspace_id FOR SHARE
  ), made AS (
    INSERT INTO metering.batches (workspace_id, id, shard, events, size, latest, revision, archive, landed_at)
    SELECT n.workspace_id, n.id, o.shard, n.events, n.size, n.latest, n.revision, n.archive, clock_timestamp()
      FROM unnest(workspaces, ids, events, sizes, latest, revisions, archives)
           AS n (workspace_id, id, events, size, latest, revision, archive)
      JOIN open o ON o.workspace_id = n.workspace_id
    ON CONFLICT DO NOTHING RETURNING 1
  )
  SELECT count(*) FROM made
$$;

-- Meters for which something was counted: they are archived rather than deleted from now on.
CREATE FUNCTION metering.mark_counted(workspaces text[], ids text[], at timestamptz) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE metering.meters m SET used_at = at FROM unnest(workspaces, ids) AS n (workspace_id, id)
   WHERE m.workspace_id = n.workspace_id AND m.id = n.id AND m.used_at IS NULL
$$;

-- Settling. The lease of a shard, taken or prolonged; null: another one has it.
CREATE FUNCTION metering.hold_shard(its_shard smallint, whose text, seconds integer) RETURNS integer
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE metering.shards s SET holder = whose, held_until = clock_timestamp() + make_interval(secs => seconds)
   WHERE s.shard = its_shard AND (s.holder = whose OR s.held_until < clock_timestamp()) RETURNING s.generation
$$;
CREATE FUNCTION metering.leave_shard(its_shard smallint, whose text) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE metering.shards s SET held_until = '-infinity', holder = NULL WHERE s.shard = its_shard AND s.holder = whose
$$;
CREATE FUNCTION metering.renew_shard(its_shard smallint, whose text) RETURNS integer
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE metering.shards s SET generation = s.generation + 1 WHERE s.shard = its_shard AND s.holder = whose RETURNING s.generation
$$;

-- What waits in each shard: batches, their events, since when; an intent or a version that is not done.
CREATE FUNCTION metering.waiting()
  RETURNS TABLE (shard smallint, batches bigint, events bigint, oldest_s double precision, unfinished boolean)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT s.shard, count(b.id), coalesce(sum(b.events), 0)::bigint,
         coalesce(extract(epoch FROM clock_timestamp() - min(b.landed_at)), 0)::double precision,
         EXISTS (SELECT FROM metering.settlements n WHERE n.shard = s.shard AND n.settled_at IS NULL)
         OR EXISTS (SELECT FROM metering.meter_versions v JOIN metering.workspaces w ON w.workspace_id = v.workspace_id
                     WHERE w.shard = s.shard AND (v.filled IS NULL OR v.filled_to < v.filled))
    FROM metering.shards s
    LEFT JOIN metering.batches b ON b.shard = s.shard AND b.settlement IS NULL
   GROUP BY s.shard
$$;

-- The settlement to carry out: one that was intended and not finished (`again`), or else the next one; no row: nothing waits. Versions that
-- are new are taken up first. Fills and batches take turns, and of the batches each workspace's oldest come first, so that a
-- workspace that waits for much holds up no other.
CREATE FUNCTION metering.intend(its_shard smallint, most_events bigint, most_batches integer, most_bytes bigint)
  RETURNS TABLE (number bigint, workspace_id text, meter_id text, version integer, since bigint, until bigint, again boolean)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
  last bigint;
  filled_before boolean;
  to_fill record;
  up_to bigint;
BEGIN
  PERFORM FROM metering.shards s WHERE s.shard = its_shard FOR UPDATE;
  RETURN QUERY SELECT s.number, s.workspace_id, s.meter_id, s.version, s.since, s.until, true
                 FROM metering.settlements s WHERE s.shard = its_shard AND s.settled_at IS NULL;
  IF FOUND THEN RETURN; END IF;
  SELECT s.number, s.meter_id IS NOT NULL INTO last, filled_before
    FROM metering.settlements s WHERE s.shard = its_shard ORDER BY s.number DESC LIMIT 1;
  last := coalesce(last, 0);

  UPDATE metering.meter_versions v
     SET filled = last,
         filled_to = coalesce((SELECT min(b.settlement) - 1 FROM metering.batches b
                                WHERE b.workspace_id = v.workspace_id AND b.settlement IS NOT NULL
                                  AND b.latest >= coalesce(v.effective_from, '-infinity')), last)
    FROM metering.workspaces w
   WHERE w.workspace_id = v.workspace_id AND w.shard = its_shard AND v.filled IS NULL;

  IF NOT coalesce(filled_before, false) OR NOT EXISTS (
       SELECT FROM metering.batches b WHERE b.shard = its_shard AND b.settlement IS NULL) THEN
    SELECT v.workspace_id, v.meter_id, v.version, v.filled, v.filled_to INTO to_fill
      FROM metering.meter_versions v JOIN metering.workspaces w ON w.workspace_id = v.workspace_id
     WHERE w.shard = its_shard AND v.filled_to < v.filled
     ORDER BY v.filled_to, v.workspace_id, v.meter_id, v.version LIMIT 1;
    IF FOUND THEN
      SELECT max(t.settlement) INTO up_to
        FROM (SELECT b.settlement, sum(sum(b.events)) OVER (ORDER BY b.settlement) AS total,
                     row_number() OVER (ORDER BY b.settlement) AS turn
                FROM metering.batches b
               WHERE b.workspace_id = to_fill.workspace_id AND b.settlement > to_fill.filled_to AND b.settlement <= to_fill.filled
               GROUP BY b.settlement) t
       WHERE t.total <= most_events OR t.turn = 1;
      IF NOT EXISTS (SELECT FROM metering.batches b WHERE b.workspace_id = to_fill.workspace_id AND b.settlement > up_to
                        AND b.settlement <= to_fill.filled) THEN
        up_to := to_fill.filled;
      END IF;
      RETURN QUERY
      INSERT INTO metering.settlements AS s (shard, number, workspace_id, meter_id, version, since, until)
      VALUES (its_shard, last + 1, to_fill.workspace_id, to_fill.meter_id, to_fill.version, to_fill.filled_to,
              coalesce(up_to, to_fill.filled))
      RETURNING s.number, s.workspace_id, s.meter_id, s.version, s.since, s.until, false;
      RETURN;
    END IF;
  END IF;

  WITH waiting AS MATERIALIZED (
    SELECT b.workspace_id, b.id, b.events, b.size, b.landed_at, b.turn
      FROM metering.workspaces w
     CROSS JOIN LATERAL (SELECT *, row_number() OVER (ORDER BY c.landed_at, c.id) AS turn
                           FROM (SELECT * FROM metering.batches c
                                  WHERE c.shard = its_shard AND c.workspace_id = w.workspace_id AND c.settlement IS NULL
                                  ORDER BY c.landed_at, c.id LIMIT most_batches) c) b
     WHERE w.shard = its_shard
  ), summed AS (
    SELECT t.*, row_number() OVER place AS nth, sum(t.events) OVER place AS events_so_far, sum(t.size) OVER place AS size_so_far
      FROM waiting t WINDOW place AS (ORDER BY t.turn, t.landed_at, t.workspace_id, t.id)
  )
  UPDATE metering.batches b SET settlement = last + 1 FROM summed t
   WHERE b.workspace_id = t.workspace_id AND b.id = t.id
     AND (t.nth = 1 OR t.nth <= most_batches AND t.events_so_far <= most_events AND t.size_so_far <= most_bytes);
  IF NOT FOUND THEN RETURN; END IF;
  RETURN QUERY
  INSERT INTO metering.settlements AS s (shard, number) VALUES (its_shard, last + 1)
  RETURNING s.number, s.workspace_id, s.meter_id, s.version, s.since, s.until, false;
END $$;

-- The batches that a settlement settles.
CREATE FUNCTION metering.batches_of(its_shard smallint, its_number bigint)
  RETURNS TABLE (workspace_id text, id text, events integer, revision bigint)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT b.workspace_id, b.id, b.events, b.revision FROM metering.batches b
   WHERE b.shard = its_shard AND b.settlement = its_number ORDER BY b.workspace_id, b.id
$$;

-- Versions up to a revision are reckoned in these batches.
CREATE FUNCTION metering.reckoned(workspaces text[], ids text[], revisions bigint[]) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE metering.batches b SET revision = n.revision FROM unnest(workspaces, ids, revisions) AS n (workspace_id, id, revision)
   WHERE b.workspace_id = n.workspace_id AND b.id = n.id AND b.revision < n.revision
$$;

-- A settlement is done. Its caller has the shard's lock before it looks at the clock (`hold_shard`), so that no number is settled at
-- a time that a reader has looked back to already.
CREATE FUNCTION metering.finish(its_shard smallint, its_number bigint, at timestamptz) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
  done record;
BEGIN
  UPDATE metering.settlements s
     SET settled_at = greatest(at, (SELECT b.settled_at FROM metering.settlements b
                                                    WHERE b.shard = its_shard AND b.number = its_number - 1))
   WHERE s.shard = its_shard AND s.number = its_number AND s.settled_at IS NULL
  RETURNING s.workspace_id, s.meter_id, s.version, s.until INTO done;
  IF FOUND AND done.meter_id IS NOT NULL THEN
    UPDATE metering.meter_versions v SET filled_to = done.until
     WHERE v.workspace_id = done.workspace_id AND v.meter_id = done.meter_id AND v.version = done.version;
  END IF;
END $$;

-- Settlements of a shard after a number, to carry them out again.
CREATE FUNCTION metering.settlements_after(its_shard smallint, after bigint, most integer)
  RETURNS TABLE (number bigint, workspace_id text, meter_id text, version integer, since bigint, until bigint, again boolean)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT s.number, s.workspace_id, s.meter_id, s.version, s.since, s.until, true FROM metering.settlements s
   WHERE s.shard = its_shard AND s.number > after AND s.settled_at IS NOT NULL ORDER BY s.number LIMIT most
$$;

-- Workspaces of a shard after one; erased ones only, or only those that are not.
CREATE FUNCTION metering.workspaces_after(its_shard smallint, after text, most integer, erased_since timestamptz)
  RETURNS TABLE (workspace_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT w.workspace_id FROM metering.workspaces w
   WHERE w.shard = its_shard AND w.workspace_id > after
     AND CASE WHEN erased_since IS NULL THEN w.erased_at IS NULL ELSE w.erased_at >= erased_since END
   ORDER BY w.workspace_id LIMIT most
$$;

-- Reading. The last number of a shard that is settled, or was by an instant: then nothing may still be settled before it.
CREATE FUNCTION metering.last_settled(its_shard smallint) RETURNS bigint
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT coalesce((SELECT s.number FROM metering.settlements s WHERE s.shard = its_shard AND s.settled_at IS NOT NULL
                    ORDER BY s.number DESC LIMIT 1), 0)
$$;
CREATE FUNCTION metering.last_settled_by(its_shard smallint, at timestamptz) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM FROM metering.shards s WHERE s.shard = its_shard FOR SHARE;
  RETURN coalesce((SELECT s.number FROM metering.settlements s WHERE s.shard = its_shard AND s.settled_at <= at
                    ORDER BY s.settled_at DESC, s.number DESC LIMIT 1), 0);
END $$;

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
