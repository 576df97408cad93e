-- A workspace's accounts at providers. Credentials and webhook secrets are sealed under the workspace's key.
CREATE TABLE connections.connections (
  id                  text COLLATE "C" PRIMARY KEY,
  workspace_id        text COLLATE "C" NOT NULL,
  provider            text NOT NULL,
  provider_account_id text COLLATE "C",
  status              text NOT NULL CHECK (status IN ('active', 'needs_reauth', 'disconnected', 'error')),
  api_key             bytea,
  webhook_secrets     bytea NOT NULL,
  metadata            jsonb NOT NULL DEFAULT '{}',
  version             bigint NOT NULL DEFAULT 1,
  created_at          timestamptz NOT NULL,
  updated_at          timestamptz NOT NULL
);
CREATE INDEX ON connections.connections (workspace_id, created_at DESC, id DESC);
CREATE UNIQUE INDEX ON connections.connections (workspace_id, provider, provider_account_id)
  WHERE provider_account_id IS NOT NULL AND status <> 'disconnected';
SELECT connections.protect(ARRAY['connections.connections']::regclass[]);

-- Every connection there is, for rebuilding the doors' table; ids only, each workspace is then read under its own policy.
CREATE FUNCTION connections.all_connections() RETURNS TABLE (workspace_id text, connection_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT c.workspace_id, c.id FROM connections.connections c ORDER BY c.workspace_id, c.id
$$;
ALTER FUNCTION connections.all_connections() OWNER TO connections_sweep;
SET ROLE connections_sweep;
GRANT EXECUTE ON FUNCTION connections.all_connections() TO connections;
SET ROLE connections_owner;
