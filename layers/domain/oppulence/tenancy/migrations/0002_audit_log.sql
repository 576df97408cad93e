-- The audit log: rows are only ever added. What chains them stands beside it, so that writing a row waits for nobody.

CREATE TABLE tenancy.audit_log (
  id            text COLLATE "C" PRIMARY KEY,
  workspace_id  text COLLATE "C" NOT NULL,
  actor_type    text NOT NULL CHECK (actor_type IN ('user', 'api_key', 'system')),
  actor_id      text COLLATE "C" NOT NULL,
  action        text NOT NULL,
  resource_type text NOT NULL,
  resource_id   text NOT NULL,
  changes       jsonb NOT NULL,
  personal      bytea NOT NULL,
  occurred_at   timestamptz NOT NULL,
  recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON tenancy.audit_log (workspace_id, occurred_at DESC, id DESC);

-- Rows that wait for the next sealing, so that finding them does not mean searching the log.
CREATE TABLE tenancy.audit_pending (
  audit_id     text COLLATE "C" PRIMARY KEY REFERENCES tenancy.audit_log,
  workspace_id text COLLATE "C" NOT NULL
);
CREATE INDEX ON tenancy.audit_pending (workspace_id, audit_id);

-- One link a row: hash = SHA-256 over the row's canonical content and the hash before it.
CREATE TABLE tenancy.audit_seals (
  workspace_id text COLLATE "C" NOT NULL,
  seq          bigint NOT NULL CHECK (seq > 0),
  audit_id     text COLLATE "C" NOT NULL UNIQUE REFERENCES tenancy.audit_log,
  prev_hash    bytea NOT NULL CHECK (length(prev_hash) = 32),
  hash         bytea NOT NULL CHECK (length(hash) = 32),
  sealed_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, seq)
);

SELECT tenancy.protect(ARRAY['tenancy.audit_log', 'tenancy.audit_pending', 'tenancy.audit_seals']::regclass[]);

CREATE FUNCTION tenancy.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tenancy.audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION tenancy.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tenancy.audit_seals
  FOR EACH STATEMENT EXECUTE FUNCTION tenancy.refuse_change();
REVOKE INSERT, UPDATE, DELETE ON tenancy.audit_log FROM tenancy;
REVOKE UPDATE, DELETE ON tenancy.audit_log FROM tenancy_sweep;
REVOKE UPDATE, DELETE ON tenancy.audit_seals FROM tenancy, tenancy_sweep;
REVOKE INSERT ON tenancy.audit_pending FROM tenancy;

-- The only way into the log, for every context: the row is of the workspace the transaction works for.
CREATE FUNCTION tenancy.record_audit(new_id text, its_actor_type text, its_actor_id text, its_action text,
    its_resource_type text, its_resource_id text, its_changes jsonb, its_personal bytea, at timestamptz) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  INSERT INTO tenancy.audit_log (id, workspace_id, actor_type, actor_id, action, resource_type, resource_id, changes, personal,
    occurred_at)
  VALUES (new_id, nullif(current_setting('app.workspace_id', true), ''), its_actor_type, its_actor_id, its_action,
    its_resource_type, its_resource_id, its_changes, its_personal, at);
  INSERT INTO tenancy.audit_pending (audit_id, workspace_id)
  VALUES (new_id, nullif(current_setting('app.workspace_id', true), ''));
$$;

CREATE FUNCTION tenancy.workspaces_to_seal() RETURNS SETOF text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT DISTINCT p.workspace_id FROM tenancy.audit_pending p
$$;

CREATE FUNCTION tenancy.audited_workspaces() RETURNS SETOF text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT DISTINCT a.workspace_id FROM tenancy.audit_log a ORDER BY 1
$$;

GRANT EXECUTE ON FUNCTION tenancy.record_audit(text, text, text, text, text, text, jsonb, bytea, timestamptz) TO contexts;
GRANT EXECUTE ON FUNCTION tenancy.workspaces_to_seal(), tenancy.audited_workspaces() TO tenancy;
ALTER FUNCTION tenancy.record_audit(text, text, text, text, text, text, jsonb, bytea, timestamptz) OWNER TO tenancy_sweep;
ALTER FUNCTION tenancy.workspaces_to_seal() OWNER TO tenancy_sweep;
ALTER FUNCTION tenancy.audited_workspaces() OWNER TO tenancy_sweep;
