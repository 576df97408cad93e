-- Unfinished is also a removed connection whose endpoints are still to be removed at the provider, and then its key here.
SET ROLE connections_sweep;
CREATE OR REPLACE FUNCTION connections.unfinished() RETURNS TABLE (workspace_id text, connection_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT c.workspace_id, c.id FROM connections.connections c
   WHERE c.endpoint_intent_at < now() - interval '1 hour' AND c.status <> 'disconnected'
      OR c.updated_at < now() - interval '1 hour' AND c.status = 'disconnected' AND c.api_key IS NOT NULL
   ORDER BY c.workspace_id, c.id
$$;
SET ROLE connections_owner;
