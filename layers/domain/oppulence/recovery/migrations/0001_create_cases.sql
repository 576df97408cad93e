-- One case per invoice whose payment failed; `account` is '' for the connection's own account, as in the mirror.
-- `opened_at`, `closed_at` and `next_step_at` are domain time; `touched_at` is real time and only says when a machine was last heard of.
CREATE TABLE recovery.cases (
  id                   text COLLATE "C" PRIMARY KEY,
  workspace_id         text COLLATE "C" NOT NULL,
  account              text COLLATE "C" NOT NULL,
  invoice_id           text COLLATE "C" NOT NULL,
  customer_id          text COLLATE "C",
  amount_at_risk_minor bigint NOT NULL CHECK (amount_at_risk_minor >= 0),
  recovered_minor      bigint NOT NULL DEFAULT 0 CHECK (recovered_minor BETWEEN 0 AND amount_at_risk_minor),
  currency             text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  status               text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'recovered', 'lost')),
  close_reason         text CHECK (close_reason IN ('paid', 'voided', 'uncollectible', 'cadence_over')),
  failures             integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
  opened_at            timestamptz NOT NULL,
  closed_at            timestamptz,
  next_step_at         timestamptz,
  version              bigint NOT NULL DEFAULT 1,
  invoice_version      bigint NOT NULL,
  execution_name       text NOT NULL,
  execution_arn        text,
  executions           integer NOT NULL DEFAULT 1 CHECK (executions > 0),
  touched_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (workspace_id, invoice_id, account),
  CHECK ((status = 'open') = (closed_at IS NULL)),
  CHECK ((status = 'open') = (close_reason IS NULL)),
  CHECK ((status = 'recovered') = (close_reason IS NOT DISTINCT FROM 'paid')),
  CHECK (status = 'recovered' OR recovered_minor = 0)
);
CREATE INDEX ON recovery.cases (workspace_id, opened_at DESC, id DESC);
CREATE INDEX ON recovery.cases (workspace_id, status, opened_at DESC, id DESC);
CREATE INDEX ON recovery.cases (workspace_id, customer_id, opened_at DESC, id DESC);
CREATE INDEX ON recovery.cases (id) WHERE status = 'open';
CREATE INDEX ON recovery.cases (touched_at) WHERE status = 'open' AND execution_arn IS NULL;
CREATE INDEX ON recovery.cases (next_step_at) WHERE status = 'open' AND execution_arn IS NOT NULL;

-- What became of each step of the cadence, once per case and step. A pending one was asked of SES and its answer is not known yet.
-- No address is kept: it is read from the mirror when a mail is sent; `recipient_hash` is SHA-256 of the case's id and the address.
CREATE TABLE recovery.steps (
  workspace_id   text COLLATE "C" NOT NULL,
  case_id        text COLLATE "C" NOT NULL REFERENCES recovery.cases ON DELETE CASCADE,
  step           text NOT NULL,
  status         text NOT NULL CHECK (status IN ('pending', 'sent', 'skipped', 'unknown')),
  attempts       integer NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 2),
  recipient_hash bytea CHECK (length(recipient_hash) = 32),
  message_id     text,
  asked_at       timestamptz,
  finished_at    timestamptz,
  PRIMARY KEY (case_id, step),
  CHECK ((status = 'pending') = (finished_at IS NULL)),
  CHECK ((status = 'sent') = (message_id IS NOT NULL))
);
CREATE INDEX ON recovery.steps (workspace_id);

-- What happened to a case and why; rows are only ever added. `source` keeps one fact from being told twice.
CREATE TABLE recovery.timeline (
  seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL,
  case_id      text COLLATE "C" NOT NULL REFERENCES recovery.cases ON DELETE CASCADE,
  at           timestamptz NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('failure', 'step', 'mail', 'skipped', 'closed', 'reopened')),
  step         text,
  reason       text NOT NULL,
  details      jsonb NOT NULL DEFAULT '{}',
  source       text COLLATE "C",
  UNIQUE (case_id, source)
);
CREATE INDEX ON recovery.timeline (case_id, at, seq);
CREATE INDEX ON recovery.timeline (workspace_id);

SELECT recovery.protect(ARRAY['recovery.cases', 'recovery.steps', 'recovery.timeline']::regclass[]);

CREATE FUNCTION recovery.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE ON recovery.timeline FOR EACH ROW EXECUTE FUNCTION recovery.refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON recovery.timeline FROM recovery;
REVOKE DELETE, TRUNCATE ON recovery.cases, recovery.steps FROM recovery;

-- Open cases whose machine was never started, or whose next step is overdue while nobody has heard of the machine for a while.
-- The pause between two looks doubles with each execution, from five minutes to a day, so that a fault that stays costs little.
CREATE FUNCTION recovery.cases_without_machine(domain_now timestamptz, most integer)
  RETURNS TABLE (workspace_id text, case_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  (SELECT c.workspace_id, c.id FROM recovery.cases c
    WHERE c.status = 'open' AND c.execution_arn IS NULL AND c.touched_at < now() - interval '30 seconds'
    ORDER BY c.touched_at LIMIT most)
  UNION ALL
  (SELECT c.workspace_id, c.id FROM recovery.cases c
    WHERE c.status = 'open' AND c.execution_arn IS NOT NULL AND c.next_step_at < domain_now
      AND c.touched_at < now() - least(interval '5 minutes' * 2 ^ (least(c.executions, 10) - 1), interval '1 day')
    ORDER BY c.next_step_at LIMIT most)
$$;

CREATE FUNCTION recovery.open_cases(after text, most integer) RETURNS TABLE (workspace_id text, case_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT c.workspace_id, c.id FROM recovery.cases c WHERE c.status = 'open' AND c.id > after ORDER BY c.id LIMIT most
$$;

-- All that this context keeps of the workspace the transaction works for; steps and timeline go with their cases.
CREATE FUNCTION recovery.erase_workspace() RETURNS bigint
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH gone AS (DELETE FROM recovery.cases
                 WHERE workspace_id = (SELECT nullif(current_setting('app.workspace_id', true), '')) RETURNING 1)
  SELECT count(*) FROM gone
$$;

GRANT EXECUTE ON FUNCTION recovery.cases_without_machine(timestamptz, integer), recovery.open_cases(text, integer),
  recovery.erase_workspace() TO recovery;
ALTER FUNCTION recovery.cases_without_machine(timestamptz, integer) OWNER TO recovery_sweep;
ALTER FUNCTION recovery.open_cases(text, integer) OWNER TO recovery_sweep;
ALTER FUNCTION recovery.erase_workspace() OWNER TO recovery_sweep;
