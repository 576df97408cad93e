-- Roles, schema and kernel tables of one context. `:schema` is replaced by its name; every statement may run again.
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'contexts') THEN CREATE ROLE contexts NOLOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ':schema_owner') THEN CREATE ROLE :schema_owner NOLOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ':schema_sweep') THEN CREATE ROLE :schema_sweep NOLOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ':schema') THEN CREATE ROLE :schema LOGIN; END IF;
END $$;
GRANT contexts TO :schema;
-- The migrator acts as the owner, and hands functions that span workspaces to the sweep role.
DO $$ BEGIN EXECUTE format('GRANT :schema_owner, :schema_sweep TO %I', current_user); END $$;
-- The owner may give functions to the sweep role, but does not inherit from it: else the sweep role's policy, which shows all
-- workspaces, would hold for the owner too, and with it for everyone who reads the owner's views.
GRANT :schema_sweep TO :schema_owner WITH INHERIT FALSE, SET TRUE;

CREATE SCHEMA IF NOT EXISTS :schema AUTHORIZATION :schema_owner;
GRANT USAGE ON SCHEMA :schema TO :schema, contexts;
GRANT USAGE, CREATE ON SCHEMA :schema TO :schema_sweep;
CREATE SCHEMA IF NOT EXISTS :schema_api AUTHORIZATION :schema_owner;
GRANT USAGE ON SCHEMA :schema_api TO contexts;

SET ROLE :schema_owner;
ALTER DEFAULT PRIVILEGES IN SCHEMA :schema GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :schema;
ALTER DEFAULT PRIVILEGES IN SCHEMA :schema GRANT USAGE ON SEQUENCES TO :schema;
ALTER DEFAULT PRIVILEGES IN SCHEMA :schema_api GRANT SELECT ON TABLES TO contexts;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- Forced row-level security by workspace, and a policy through which the sweep role's functions see all workspaces.
CREATE OR REPLACE FUNCTION :schema.protect(tables regclass[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE t regclass;
BEGIN
  FOREACH t IN ARRAY tables LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY workspace ON %s USING (workspace_id = (SELECT nullif(current_setting(''app.workspace_id'', true), '''')))', t);
    EXECUTE format('CREATE POLICY sweep ON %s TO :schema_sweep USING (true)', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO :schema_sweep', t);
  END LOOP;
END $$;

DO $$ BEGIN
  IF to_regclass(':schema.outbox') IS NULL THEN
    CREATE TABLE :schema.outbox (
      id           text COLLATE "C" PRIMARY KEY,
      workspace_id text COLLATE "C" NOT NULL,
      type         text NOT NULL,
      detail       text NOT NULL,
      created_at   timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX ON :schema.outbox (created_at);

    -- One row per consumer and event: the redelivered event is skipped. Kept 35 days, longer than any queue or archive.
    CREATE TABLE :schema.inbox (
      consumer     text NOT NULL,
      event_id     text COLLATE "C" NOT NULL,
      workspace_id text COLLATE "C" NOT NULL,
      received_at  timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (consumer, event_id)
    );
    CREATE INDEX ON :schema.inbox (received_at);

    -- Failed tries of a record, counted by us: the queue's own count also counts the times a store was down.
    CREATE TABLE :schema.attempts (
      consumer     text NOT NULL,
      message_id   text COLLATE "C" NOT NULL,
      workspace_id text COLLATE "C" NOT NULL,
      tries        integer NOT NULL,
      reason       text NOT NULL,
      updated_at   timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (consumer, message_id)
    );

    CREATE TABLE :schema.idempotency (
      workspace_id text COLLATE "C" NOT NULL,
      key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
      fingerprint  bytea NOT NULL,
      status       integer NOT NULL,
      response     bytea NOT NULL,
      created_at   timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (workspace_id, key)
    );
    CREATE INDEX ON :schema.idempotency (created_at);
    PERFORM :schema.protect(ARRAY[':schema.outbox', ':schema.inbox', ':schema.attempts', ':schema.idempotency']::regclass[]);
  END IF;
END $$;

-- The sweep role's own functions, made by that role: the owner could not replace them at the next run.
RESET ROLE;
SET ROLE :schema_sweep;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
CREATE OR REPLACE FUNCTION :schema.claim_outbox(most integer) RETURNS TABLE (id text, workspace_id text, type text, detail text)
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT o.id, o.workspace_id, o.type, o.detail FROM :schema.outbox o
   WHERE o.created_at < now() - interval '30 seconds' ORDER BY o.created_at LIMIT most FOR UPDATE SKIP LOCKED
$$;
-- Not waited for until it is on disk: what a crash brings back is published once more, which is harmless.
CREATE OR REPLACE FUNCTION :schema.drop_outbox(ids text[]) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT set_config('synchronous_commit', 'off', true);
  DELETE FROM :schema.outbox WHERE id = ANY (ids)
$$;
-- What is past its use: inbox rows after 35 days, counted tries after 35, stored responses after 35.
CREATE OR REPLACE FUNCTION :schema.purge_kernel_rows() RETURNS bigint
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH i AS (DELETE FROM :schema.inbox WHERE received_at < now() - interval '35 days' RETURNING 1),
       a AS (DELETE FROM :schema.attempts WHERE updated_at < now() - interval '35 days' RETURNING 1),
       k AS (DELETE FROM :schema.idempotency WHERE created_at < now() - interval '35 days' RETURNING 1)
  SELECT (SELECT count(*) FROM i) + (SELECT count(*) FROM a) + (SELECT count(*) FROM k)
$$;
GRANT EXECUTE ON FUNCTION :schema.claim_outbox(integer), :schema.drop_outbox(text[]), :schema.purge_kernel_rows() TO :schema;
RESET ROLE;
