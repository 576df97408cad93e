-- Workspaces, their people, keys and flags. Other contexts reach them only through the functions and views below.

CREATE TABLE tenancy.workspaces (
  id              text COLLATE "C" PRIMARY KEY CHECK (id ~ '^ws_[0-9A-Za-z]{20}$'),
  name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  slug            text NOT NULL UNIQUE,
  mode            text NOT NULL CHECK (mode IN ('live', 'test', 'sandbox')),
  plan            text NOT NULL CHECK (plan IN ('free', 'pro', 'business', 'enterprise')),
  status          text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'deleting', 'deleted')),
  settings        jsonb NOT NULL DEFAULT '{}',
  created_by      text COLLATE "C" NOT NULL,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  deletion_due_at timestamptz,
  export_key      text,
  deleted_at      timestamptz,
  CHECK ((status = 'deleting') = (deletion_due_at IS NOT NULL)),
  CHECK ((status = 'deleted') = (deleted_at IS NOT NULL))
);
CREATE INDEX ON tenancy.workspaces (deletion_due_at) WHERE status = 'deleting';

-- A person, known by the issuer's subject. A row lives as long as the person is a member of some workspace.
CREATE TABLE tenancy.users (
  id         text COLLATE "C" PRIMARY KEY,
  issuer     text NOT NULL,
  subject    text NOT NULL,
  email      text,
  name       text,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (issuer, subject)
);

CREATE TABLE tenancy.memberships (
  id           text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL REFERENCES tenancy.workspaces,
  user_id      text COLLATE "C" NOT NULL REFERENCES tenancy.users,
  role         text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  created_at   timestamptz NOT NULL,
  UNIQUE (workspace_id, user_id)
);
CREATE INDEX ON tenancy.memberships (user_id);
CREATE INDEX ON tenancy.memberships (workspace_id, created_at DESC, id DESC);

CREATE TABLE tenancy.invitations (
  id           text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL REFERENCES tenancy.workspaces,
  email        text NOT NULL CHECK (email = lower(email)),
  role         text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  token_hash   bytea NOT NULL UNIQUE,
  invited_by   text COLLATE "C" NOT NULL,
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  UNIQUE (workspace_id, email)
);
CREATE INDEX ON tenancy.invitations (workspace_id, created_at DESC, id DESC);

-- Only a key's SHA-256 is here. `rotated_from` is unique: a key has one successor.
CREATE TABLE tenancy.api_keys (
  id                    text COLLATE "C" PRIMARY KEY,
  workspace_id          text COLLATE "C" NOT NULL REFERENCES tenancy.workspaces,
  name                  text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  key_hash              bytea NOT NULL UNIQUE CHECK (length(key_hash) = 32),
  prefix                text NOT NULL CHECK (length(prefix) = 12),
  scopes                text[] NOT NULL CHECK (cardinality(scopes) > 0),
  rate_limit_per_minute integer CHECK (rate_limit_per_minute > 0),
  created_by            text COLLATE "C" NOT NULL,
  created_at            timestamptz NOT NULL,
  expires_at            timestamptz,
  revoked_at            timestamptz,
  rotated_from          text COLLATE "C" UNIQUE REFERENCES tenancy.api_keys,
  last_used_on          date,
  aged_notice_at        timestamptz
);
CREATE INDEX ON tenancy.api_keys (workspace_id, created_at DESC, id DESC);
CREATE INDEX ON tenancy.api_keys (created_at) WHERE revoked_at IS NULL AND aged_notice_at IS NULL;

-- Data keys as KMS wrapped them. Deleting a workspace's rows makes all that was sealed under them unreadable.
CREATE TABLE tenancy.data_keys (
  workspace_id text COLLATE "C" NOT NULL REFERENCES tenancy.workspaces,
  version      integer NOT NULL CHECK (version > 0),
  wrapped      bytea NOT NULL,
  created_at   timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, version)
);

CREATE TABLE tenancy.feature_flags (
  workspace_id text COLLATE "C" NOT NULL REFERENCES tenancy.workspaces,
  name         text COLLATE "C" NOT NULL,
  enabled      boolean NOT NULL,
  description  text NOT NULL DEFAULT '',
  updated_at   timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, name)
);

SELECT tenancy.protect(ARRAY['tenancy.memberships', 'tenancy.invitations', 'tenancy.api_keys', 'tenancy.data_keys',
  'tenancy.feature_flags']::regclass[]);

ALTER TABLE tenancy.workspaces ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenancy.workspaces FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace ON tenancy.workspaces
  USING (id = (SELECT nullif(current_setting('app.workspace_id', true), '')));
CREATE POLICY sweep ON tenancy.workspaces TO tenancy_sweep USING (true);
GRANT SELECT, INSERT, UPDATE ON tenancy.workspaces TO tenancy_sweep;
REVOKE DELETE ON tenancy.workspaces FROM tenancy;

-- A workspace sees its own members: the policy of `memberships` decides which those are. Rows are written by functions only.
ALTER TABLE tenancy.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenancy.users FORCE ROW LEVEL SECURITY;
CREATE POLICY members ON tenancy.users FOR SELECT
  USING (EXISTS (SELECT FROM tenancy.memberships m WHERE m.user_id = users.id));
CREATE POLICY sweep ON tenancy.users TO tenancy_sweep USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON tenancy.users TO tenancy_sweep;
REVOKE INSERT, UPDATE, DELETE ON tenancy.users FROM tenancy;

-- Who has this key? Its day of last use is written at most once a day, so that a look-up stays a read.
CREATE FUNCTION tenancy.authenticate(hash bytea) RETURNS TABLE (key_id text, workspace_id text, scopes text[], plan text,
    mode text, expires_at timestamptz, revoked_at timestamptz, workspace_status text, rate_limit_per_minute integer)
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH used AS (
    UPDATE tenancy.api_keys SET last_used_on = (now() AT TIME ZONE 'UTC')::date
     WHERE id = (SELECT k.id FROM tenancy.api_keys k
                  WHERE k.key_hash = hash AND k.revoked_at IS NULL
                    AND k.last_used_on IS DISTINCT FROM (now() AT TIME ZONE 'UTC')::date
                    FOR UPDATE SKIP LOCKED)
  )
  SELECT k.id, k.workspace_id, k.scopes, w.plan, w.mode, k.expires_at, k.revoked_at, w.status, k.rate_limit_per_minute
    FROM tenancy.api_keys k JOIN tenancy.workspaces w ON w.id = k.workspace_id
   WHERE k.key_hash = hash
$$;

-- A person's membership: of the workspace named, or of the only one there is. Otherwise only the user's id.
CREATE FUNCTION tenancy.authenticate_user(its_issuer text, its_subject text, wanted text)
  RETURNS TABLE (user_id text, workspace_id text, role text, plan text, mode text, workspace_status text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT u.id, w.id, m.role, w.plan, w.mode, w.status
    FROM tenancy.users u
    LEFT JOIN tenancy.memberships m ON m.user_id = u.id
     AND m.workspace_id = coalesce(wanted, (SELECT min(x.workspace_id) FROM tenancy.memberships x
                                             WHERE x.user_id = u.id HAVING count(*) = 1))
    LEFT JOIN tenancy.workspaces w ON w.id = m.workspace_id
   WHERE u.issuer = its_issuer AND u.subject = its_subject
$$;

CREATE FUNCTION tenancy.wrapped_keys(of_workspace text) RETURNS TABLE (version integer, wrapped bytea)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT k.version, k.wrapped FROM tenancy.data_keys k WHERE k.workspace_id = of_workspace
$$;

-- A signed-in person becomes a user, or an already known one is brought up to date.
CREATE FUNCTION tenancy.register_user(new_id text, its_issuer text, its_subject text, its_email text, its_name text)
  RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  INSERT INTO tenancy.users AS u (id, issuer, subject, email, name)
  VALUES (new_id, its_issuer, its_subject, its_email, its_name)
  ON CONFLICT (issuer, subject) DO UPDATE SET email = coalesce(excluded.email, u.email), name = coalesce(excluded.name, u.name)
  RETURNING id
$$;

CREATE FUNCTION tenancy.drop_users_without_membership(ids text[]) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  DELETE FROM tenancy.users u
   WHERE u.id = ANY (ids) AND NOT EXISTS (SELECT FROM tenancy.memberships m WHERE m.user_id = u.id)
$$;

CREATE FUNCTION tenancy.workspace_of_invitation(hash bytea) RETURNS text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT i.workspace_id FROM tenancy.invitations i WHERE i.token_hash = hash
$$;

CREATE FUNCTION tenancy.workspaces_to_erase(at timestamptz) RETURNS SETOF text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT w.id FROM tenancy.workspaces w WHERE w.status = 'deleting' AND w.deletion_due_at <= at ORDER BY w.deletion_due_at
$$;

CREATE FUNCTION tenancy.workspaces_with_aged_keys(made_before timestamptz) RETURNS SETOF text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT DISTINCT k.workspace_id FROM tenancy.api_keys k JOIN tenancy.workspaces w ON w.id = k.workspace_id
   WHERE k.created_at <= made_before AND k.revoked_at IS NULL AND k.aged_notice_at IS NULL AND w.status = 'active'
$$;

GRANT EXECUTE ON FUNCTION tenancy.authenticate(bytea), tenancy.authenticate_user(text, text, text), tenancy.wrapped_keys(text)
  TO contexts;
GRANT EXECUTE ON FUNCTION tenancy.register_user(text, text, text, text, text), tenancy.drop_users_without_membership(text[]),
  tenancy.workspace_of_invitation(bytea), tenancy.workspaces_to_erase(timestamptz),
  tenancy.workspaces_with_aged_keys(timestamptz) TO tenancy;
ALTER FUNCTION tenancy.authenticate(bytea) OWNER TO tenancy_sweep;
ALTER FUNCTION tenancy.authenticate_user(text, text, text) OWNER TO tenancy_sweep;
ALTER FUNCTION tenancy.wrapped_keys(text) OWNER TO tenancy_sweep;
ALTER FUNCTION tenancy.register_user(text, text, text, text, text) OWNER TO tenancy_sweep;
ALTER FUNCTION tenancy.drop_users_without_membership(text[]) OWNER TO tenancy_sweep;
ALTER FUNCTION tenancy.workspace_of_invitation(bytea) OWNER TO tenancy_sweep;
ALTER FUNCTION tenancy.workspaces_to_erase(timestamptz) OWNER TO tenancy_sweep;
ALTER FUNCTION tenancy.workspaces_with_aged_keys(timestamptz) OWNER TO tenancy_sweep;

-- What other contexts may read of the workspace they work for: the policies of the tables decide.
CREATE VIEW tenancy_api.workspace WITH (security_barrier) AS
  SELECT id, name, mode, status, plan, settings FROM tenancy.workspaces;
CREATE VIEW tenancy_api.feature_flags WITH (security_barrier) AS
  SELECT workspace_id, name, enabled FROM tenancy.feature_flags;
