-- What higher contexts read of cases, and the mails that went out for them.
CREATE VIEW recovery_api.cases WITH (security_barrier) AS
SELECT workspace_id, id, nullif(account, '') AS account, invoice_id, customer_id, amount_at_risk_minor, recovered_minor, currency,
       status, close_reason, opened_at, closed_at, version
  FROM recovery.cases;

CREATE VIEW recovery_api.mails WITH (security_barrier) AS
SELECT workspace_id, case_id, step, finished_at AS sent_at FROM recovery.steps WHERE status = 'sent';

GRANT SELECT ON recovery_api.cases, recovery_api.mails TO contexts;
