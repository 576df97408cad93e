-- Transactions of one workspace, each once. FROM workspace_transactions(ws = {ws:String})
CREATE VIEW IF NOT EXISTS workspace_transactions AS
SELECT account, transaction_id, provider, kind, status, occurred_at, currency, amount_minor, face_minor, charge_id, payment_id,
       invoice_id, customer_id, method, card_brand, card_country, decline_code, failure_code, reason, version
  FROM transactions_fact FINAL
 WHERE workspace_id = {ws:String}
