-- A rebuild marks its shard before it deletes anything, and takes the mark away when it is done. One that is broken off leaves it, and
-- nothing is settled on what is half there, until another one is done. `rebuilding`: since when.
ALTER TABLE metering.shards ADD COLUMN rebuilding timestamptz;

SET ROLE metering_sweep;
CREATE OR REPLACE FUNCTION metering.hold_shard(its_shard smallint, whose text, seconds integer) RETURNS integer
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE metering.shards s SET holder = whose, held_until = clock_timestamp() + make_interval(secs => seconds)
   WHERE s.shard = its_shard AND (s.holder = whose OR s.held_until < clock_timestamp() AND s.rebuilding IS NULL)
  RETURNING s.generation
$$;
-- As before, but a shard that is rebuilt waits at least since that began.
CREATE OR REPLACE FUNCTION metering.waiting()
  RETURNS TABLE (shard smallint, batches bigint, events bigint, oldest_s double precision, unfinished boolean)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT s.shard, count(b.id), coalesce(sum(b.events), 0)::bigint,
         coalesce(extract(epoch FROM clock_timestamp() - least(min(b.landed_at), s.rebuilding)), 0)::double precision,
         EXISTS (SELECT FROM metering.settlements n WHERE n.shard = s.shard AND n.settled_at IS NULL)
         OR EXISTS (SELECT FROM metering.meter_versions v JOIN metering.workspaces w ON w.workspace_id = v.workspace_id
                     WHERE w.shard = s.shard AND (v.filled IS NULL OR v.filled_to < v.filled))
    FROM metering.shards s
    LEFT JOIN metering.batches b ON b.shard = s.shard AND b.settlement IS NULL
   GROUP BY s.shard
$$;
SET ROLE metering_owner;

-- The lease of a shard, taken to rebuild it, also after another one that was broken off; null: another one has it.
CREATE FUNCTION metering.hold_shard_to_rebuild(its_shard smallint, whose text, seconds integer) RETURNS integer
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE metering.shards s
     SET holder = whose, held_until = clock_timestamp() + make_interval(secs => seconds),
         rebuilding = coalesce(s.rebuilding, clock_timestamp())
   WHERE s.shard = its_shard AND (s.holder = whose OR s.held_until < clock_timestamp()) RETURNING s.generation
$$;
CREATE FUNCTION metering.end_rebuild(its_shard smallint, whose text) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE metering.shards s SET rebuilding = NULL WHERE s.shard = its_shard AND s.holder = whose
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
