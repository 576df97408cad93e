-- As in 0002, but: a fill takes no more bytes than batches do, and workspaces take turns with their fills, the one after whoever had the
-- last first; else one that waits for much holds up another.
SET ROLE metering_sweep;
CREATE OR REPLACE FUNCTION metering.intend(its_shard smallint, most_events bigint, most_batches integer, most_bytes bigint)
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
     ORDER BY coalesce(v.workspace_id <= (SELECT s.workspace_id FROM metering.settlements s
                                           WHERE s.shard = its_shard AND s.meter_id IS NOT NULL ORDER BY s.number DESC LIMIT 1), false),
              v.workspace_id, v.filled_to, v.meter_id, v.version LIMIT 1;
    IF FOUND THEN
      SELECT max(t.settlement) INTO up_to
        FROM (SELECT b.settlement, sum(sum(b.events)) OVER place AS events_so_far, sum(sum(b.size)) OVER place AS size_so_far,
                     row_number() OVER place AS turn
                FROM metering.batches b
               WHERE b.workspace_id = to_fill.workspace_id AND b.settlement > to_fill.filled_to AND b.settlement <= to_fill.filled
               GROUP BY b.settlement WINDOW place AS (ORDER BY b.settlement)) t
       WHERE t.turn = 1 OR t.events_so_far <= most_events AND t.size_so_far <= most_bytes;
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
SET ROLE metering_owner;
