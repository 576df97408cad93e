-- What higher contexts need to ask Stripe: its live connections, with their sealed keys.
ALTER TABLE connections.connections
  ADD COLUMN status_reason text,                                    -- why a key stopped working
  ADD COLUMN connect boolean NOT NULL DEFAULT false,                -- a Connect platform
  ADD COLUMN endpoints jsonb NOT NULL DEFAULT '[]',                 -- webhook endpoints that we registered: their ids at Stripe
  ADD COLUMN partner_event_source text COLLATE "C";                 -- name of Stripe's EventBridge source

CREATE UNIQUE INDEX ON connections.connections (partner_event_source)
  WHERE partner_event_source IS NOT NULL AND status <> 'disconnected';

CREATE VIEW connections_api.stripe_credentials WITH (security_barrier) AS
  SELECT workspace_id, id, status, provider_account_id AS account, api_key, connect, created_at
    FROM connections.connections
   WHERE provider = 'stripe' AND status <> 'disconnected';

-- Says that a connection's key stopped working, once; runs as the owner, whom the workspace's policy binds.
CREATE FUNCTION connections.mark_needs_reauth(its_id text, event_id text, its_reason text, at timestamptz) RETURNS boolean
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH changed AS (
    UPDATE connections.connections
       SET status = 'needs_reauth', status_reason = its_reason, updated_at = at, version = version + 1
     WHERE id = its_id AND status = 'active' AND api_key IS NOT NULL
    RETURNING id, workspace_id, provider
  ), told AS (
    INSERT INTO connections.outbox (id, workspace_id, type, detail)
    SELECT event_id, workspace_id, 'connections.connection.needs_reauth', jsonb_build_object(
             'id', event_id, 'type', 'connections.connection.needs_reauth', 'version', 1, 'workspace_id', workspace_id,
             'occurred_at', at, 'traceparent', NULL,
             'data', jsonb_build_object('connection_id', id, 'provider', provider, 'reason', its_reason))::text
      FROM changed
  )
  SELECT true FROM changed
$$;
GRANT EXECUTE ON FUNCTION connections.mark_needs_reauth(text, text, text, timestamptz) TO contexts;

-- Active connections with a key, for schedules; ids only, each workspace is then read under its own policy.
CREATE FUNCTION connections.all_stripe_connections() RETURNS TABLE (workspace_id text, connection_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT c.workspace_id, c.id FROM connections.connections c
   WHERE c.provider = 'stripe' AND c.status = 'active' AND c.api_key IS NOT NULL ORDER BY c.workspace_id, c.id
$$;
ALTER FUNCTION connections.all_stripe_connections() OWNER TO connections_sweep;
SET ROLE connections_sweep;
GRANT EXECUTE ON FUNCTION connections.all_stripe_connections() TO contexts;
SET ROLE connections_owner;
