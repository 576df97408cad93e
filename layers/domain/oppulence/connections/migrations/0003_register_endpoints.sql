-- A connection that is being made: its webhook endpoint is asked for, or about to be. `endpoint_intent_at` is set while endpoints
-- are asked for and not yet recorded, and names the idempotency keys under which they are.
ALTER TABLE connections.connections
  DROP CONSTRAINT connections_status_check,
  ADD CONSTRAINT connections_status_check CHECK (status IN ('connecting', 'active', 'needs_reauth', 'disconnected', 'error')),
  ADD COLUMN endpoint_intent_at timestamptz,
  ADD COLUMN account jsonb NOT NULL DEFAULT '{}';      -- name, country and currency of the account, as the provider has them

CREATE OR REPLACE VIEW connections_api.stripe_credentials WITH (security_barrier) AS
  SELECT workspace_id, id, status, provider_account_id AS account, api_key, connect, created_at
    FROM connections.connections
   WHERE provider = 'stripe' AND status NOT IN ('connecting', 'disconnected');

-- What was begun at a provider an hour ago and is not finished: somebody gave up, or died. Ids only.
CREATE FUNCTION connections.unfinished() RETURNS TABLE (workspace_id text, connection_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT c.workspace_id, c.id FROM connections.connections c
   WHERE c.endpoint_intent_at < now() - interval '1 hour' AND c.status <> 'disconnected' ORDER BY c.workspace_id, c.id
$$;
ALTER FUNCTION connections.unfinished() OWNER TO connections_sweep;
SET ROLE connections_sweep;
GRANT EXECUTE ON FUNCTION connections.unfinished() TO connections;
SET ROLE connections_owner;
