-- Whose events a partner's event source brings; ids only.
CREATE FUNCTION connections.of_event_source(source text) RETURNS TABLE (workspace_id text, connection_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT c.workspace_id, c.id FROM connections.connections c
   WHERE c.partner_event_source = source AND c.status NOT IN ('connecting', 'disconnected')
$$;
ALTER FUNCTION connections.of_event_source(text) OWNER TO connections_sweep;
SET ROLE connections_sweep;
GRANT EXECUTE ON FUNCTION connections.of_event_source(text) TO connections;
SET ROLE connections_owner;
