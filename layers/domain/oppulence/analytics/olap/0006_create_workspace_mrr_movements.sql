-- Movements of one workspace as last reckoned. FROM workspace_mrr_movements(ws = {ws:String})
CREATE VIEW IF NOT EXISTS workspace_mrr_movements AS
SELECT account, customer_id, currency, occurred_at, kind, delta_minor, mrr_minor
  FROM mrr_movements FINAL
 WHERE workspace_id = {ws:String} AND kind != 'none'
   AND (account, customer_id, generation) IN
       (SELECT account, customer_id, max(generation) FROM mrr_movements WHERE workspace_id = {ws:String}
         GROUP BY account, customer_id)
