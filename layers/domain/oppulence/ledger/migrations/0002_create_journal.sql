-- Journal entries and their postings: complete and balanced when their transaction commits, and never changed after.
CREATE TABLE ledger.journal_entries (
  workspace_id     text COLLATE "C" NOT NULL,
  id               text COLLATE "C" NOT NULL,
  posted_at        timestamptz NOT NULL,           -- when the fact became true
  recorded_at      timestamptz NOT NULL,
  kind             text COLLATE "C" NOT NULL,
  description      text NOT NULL,
  object_id        text COLLATE "C" NOT NULL,
  provider_account text COLLATE "C",               -- null: the connection's own account
  source_event_id  text COLLATE "C" NOT NULL,      -- the provider's event
  reverses_id      text COLLATE "C",
  posting_count    smallint NOT NULL CHECK (posting_count >= 2),
  PRIMARY KEY (workspace_id, id),
  -- A fact is posted once. The object leads, so that this also finds the entries of an object.
  CONSTRAINT posted_once UNIQUE NULLS NOT DISTINCT (workspace_id, object_id, kind, provider_account),
  -- The order of the list, and what postings refer to.
  UNIQUE (workspace_id, posted_at, id),
  FOREIGN KEY (workspace_id, reverses_id) REFERENCES ledger.journal_entries (workspace_id, id)
);
CREATE INDEX ON ledger.journal_entries (workspace_id, source_event_id);
CREATE INDEX ON ledger.journal_entries (workspace_id, provider_account, posted_at, id) WHERE provider_account IS NOT NULL;

-- An entry has one posting per account and currency. `posted_at` is the entry's, held to it by the foreign key.
CREATE TABLE ledger.postings (
  workspace_id text COLLATE "C" NOT NULL,
  entry_id     text COLLATE "C" NOT NULL,
  account      text COLLATE "C" NOT NULL REFERENCES ledger.accounts (code),
  currency     text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  direction    text COLLATE "C" NOT NULL CHECK (direction IN ('debit', 'credit')),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  posted_at    timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, entry_id, account, currency),
  FOREIGN KEY (workspace_id, posted_at, entry_id) REFERENCES ledger.journal_entries (workspace_id, posted_at, id)
);
CREATE INDEX ON ledger.postings (workspace_id, account, posted_at, entry_id);
CREATE INDEX ON ledger.postings (workspace_id, currency, posted_at, entry_id);

SELECT ledger.protect(ARRAY['ledger.journal_entries', 'ledger.postings']::regclass[]);
REVOKE UPDATE, DELETE ON ledger.journal_entries, ledger.postings FROM ledger;
REVOKE INSERT, UPDATE, DELETE ON ledger.journal_entries, ledger.postings FROM ledger_sweep;

-- Nobody changes the books, not even their owner. Statement triggers also refuse what would touch no row.
CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is never changed: post an entry that takes the other back' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.journal_entries
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.postings
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.journal_entries ENABLE ALWAYS TRIGGER immutable;
ALTER TABLE ledger.postings ENABLE ALWAYS TRIGGER immutable;

-- At commit an entry has exactly the postings it promised, and they balance in each currency. Rows that the policy hides
-- count as missing, so changing the workspace before the commit does not get past this.
CREATE FUNCTION ledger.assert_complete(of_workspace text, of_entry text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE promised integer; found integer; unbalanced text;
BEGIN
  SELECT posting_count INTO promised FROM ledger.journal_entries WHERE workspace_id = of_workspace AND id = of_entry;
  SELECT coalesce(sum(c.postings), 0), string_agg(c.currency, ', ') FILTER (WHERE c.difference <> 0) INTO found, unbalanced
    FROM (SELECT currency, count(*) AS postings,
                 sum(CASE direction WHEN 'debit' THEN amount_minor ELSE -amount_minor END) AS difference
            FROM ledger.postings WHERE workspace_id = of_workspace AND entry_id = of_entry GROUP BY currency) c;
  IF promised IS DISTINCT FROM found THEN
    RAISE EXCEPTION 'journal entry % has % postings, not %', of_entry, found, promised USING ERRCODE = 'check_violation';
  END IF;
  IF unbalanced IS NOT NULL THEN
    RAISE EXCEPTION 'journal entry % is not balanced in %', of_entry, unbalanced USING ERRCODE = 'check_violation';
  END IF;
END $$;
GRANT EXECUTE ON FUNCTION ledger.assert_complete(text, text) TO ledger;

CREATE FUNCTION ledger.check_entry() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  PERFORM ledger.assert_complete(NEW.workspace_id, NEW.id);
  RETURN NULL;
END $$;
CREATE FUNCTION ledger.check_posting() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  PERFORM ledger.assert_complete(NEW.workspace_id, NEW.entry_id);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER complete AFTER INSERT ON ledger.journal_entries
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.check_entry();
CREATE CONSTRAINT TRIGGER complete AFTER INSERT ON ledger.postings
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.check_posting();
