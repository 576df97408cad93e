-- Workspaces' alerts are looked at in turns: who was looked at longest ago comes first, so that a run that has not time for all
-- leaves others over each time. Real time, noted as a look begins, however it ends.
ALTER TABLE metering.workspaces ADD COLUMN alerts_looked_at timestamptz;

SET ROLE metering_sweep;
CREATE OR REPLACE FUNCTION metering.workspaces_with_alerts_to_look_at(at timestamptz, most integer)
  RETURNS TABLE (workspace_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.workspace_id
    FROM metering.alerts a
    JOIN metering.workspaces w ON w.workspace_id = a.workspace_id
   WHERE w.erased_at IS NULL AND (a.looked IS NULL OR a.look_again_at <= at
      OR EXISTS (SELECT FROM metering.batches b JOIN metering.settlements s ON s.shard = w.shard AND s.number = b.settlement
                  WHERE b.workspace_id = a.workspace_id AND b.settlement > a.looked AND s.settled_at IS NOT NULL)
      OR EXISTS (SELECT FROM metering.settlements s WHERE s.shard = w.shard AND s.number > a.looked
                    AND s.workspace_id = a.workspace_id AND s.settled_at IS NOT NULL))
   GROUP BY a.workspace_id, w.alerts_looked_at
   ORDER BY w.alerts_looked_at NULLS FIRST, 1 LIMIT most
$$;
SET ROLE metering_owner;
