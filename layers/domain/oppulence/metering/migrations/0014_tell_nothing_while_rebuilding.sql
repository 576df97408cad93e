-- While a shard is rebuilt the analytical store lacks what PostgreSQL says is settled: what is told for good waits. The generation of a
-- shard's rows; null: they are being made anew, or that was broken off.
CREATE FUNCTION metering.whole_generation(its_shard smallint) RETURNS integer
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT s.generation FROM metering.shards s WHERE s.shard = its_shard AND s.rebuilding IS NULL
$$;
ALTER FUNCTION metering.whole_generation(smallint) OWNER TO metering_sweep;

-- As before, but for workspaces of such shards.
SET ROLE metering_sweep;
GRANT EXECUTE ON FUNCTION metering.whole_generation(smallint) TO metering;
CREATE OR REPLACE FUNCTION metering.workspaces_with_hours_to_close(hour_end timestamptz, landed_by timestamptz, most integer)
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
     AND NOT EXISTS (SELECT FROM metering.meter_versions v
                      WHERE v.workspace_id = w.workspace_id AND (v.filled IS NULL OR v.filled_to < v.filled))
     AND metering.whole_generation(w.shard) IS NOT NULL
   ORDER BY 1 LIMIT most
$$;
CREATE OR REPLACE FUNCTION metering.workspaces_with_alerts_to_look_at(at timestamptz, most integer)
  RETURNS TABLE (workspace_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.workspace_id
    FROM metering.alerts a
    JOIN metering.workspaces w ON w.workspace_id = a.workspace_id
   WHERE w.erased_at IS NULL AND metering.whole_generation(w.shard) IS NOT NULL AND (a.looked IS NULL OR a.look_again_at <= at
      OR EXISTS (SELECT FROM metering.batches b JOIN metering.settlements s ON s.shard = w.shard AND s.number = b.settlement
                  WHERE b.workspace_id = a.workspace_id AND b.settlement > a.looked AND s.settled_at IS NOT NULL)
      OR EXISTS (SELECT FROM metering.settlements s WHERE s.shard = w.shard AND s.number > a.looked
                    AND s.workspace_id = a.workspace_id AND s.settled_at IS NOT NULL))
   GROUP BY a.workspace_id, w.alerts_looked_at
   ORDER BY w.alerts_looked_at NULLS FIRST, 1 LIMIT most
$$;
SET ROLE metering_owner;
