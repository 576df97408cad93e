-- FROM workspace_recovery_events(ws = {ws:String})
CREATE VIEW IF NOT EXISTS workspace_recovery_events AS
SELECT case_id, slot, event_type, event_timestamp, opened_at, workflow_id, cohort, account, invoice_id, customer_id, currency,
       original_amount_minor, recovered_amount_minor, reason, step, version
  FROM recovery_events FINAL
 WHERE workspace_id = {ws:String} AND event_type != 'none'
