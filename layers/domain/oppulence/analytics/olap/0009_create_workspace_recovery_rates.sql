-- Rates by workflow, cohort, currency and the UTC day on which cases began: recovered of those that began then. No stored sums: a
-- row that was written again would count twice in them. FROM workspace_recovery_rates(ws = {ws:String})
CREATE VIEW IF NOT EXISTS workspace_recovery_rates AS
SELECT workflow_id, cohort, currency, toDate(opened_at) AS date,
       countIf(event_type = 'started') AS attempts,
       countIf(event_type = 'recovered') AS recoveries,
       countIf(event_type = 'failed') AS failures,
       countIf(event_type = 'email_sent') AS emails,
       sumIf(toInt128(original_amount_minor), event_type = 'started') AS total_at_risk_minor,
       sumIf(toInt128(recovered_amount_minor), event_type = 'recovered') AS total_recovered_minor
  FROM (SELECT * FROM recovery_events FINAL WHERE workspace_id = {ws:String})
 GROUP BY workflow_id, cohort, currency, date
