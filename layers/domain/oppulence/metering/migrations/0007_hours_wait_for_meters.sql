-- Hours stay open, too, while a meter's version does not count all yet that was settled before it came.
SET ROLE metering_sweep;
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
   ORDER BY 1 LIMIT most
$$;
SET ROLE metering_owner;
