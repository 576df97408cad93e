-- What higher contexts read of the books.
CREATE VIEW ledger_api.entries WITH (security_barrier) AS
SELECT workspace_id, id, provider_account AS account, posted_at, kind, object_id, source_event_id, reverses_id
  FROM ledger.journal_entries;

CREATE VIEW ledger_api.postings WITH (security_barrier) AS
SELECT workspace_id, entry_id, account, direction, amount_minor, currency FROM ledger.postings;

GRANT SELECT ON ledger_api.entries, ledger_api.postings TO contexts;
