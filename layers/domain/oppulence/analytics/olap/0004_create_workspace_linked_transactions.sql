-- The same with what refunds, disputes and fees take over from their payment, and the invoice that is paid. Joined when read:
-- so it does not matter which of them came first. FROM workspace_linked_transactions(ws = {ws:String})
CREATE VIEW IF NOT EXISTS workspace_linked_transactions AS
SELECT t.account AS account, t.transaction_id AS transaction_id, t.provider AS provider, t.kind AS kind, t.status AS status,
       t.occurred_at AS occurred_at, t.currency AS currency, t.amount_minor AS amount_minor, t.face_minor AS face_minor,
       t.charge_id AS charge_id,
       if(t.payment_id != '', t.payment_id, p.payment_id) AS payment_id,
       multiIf(t.invoice_id != '', t.invoice_id, p.invoice_id != '', p.invoice_id, i.invoice_id) AS invoice_id,
       if(t.customer_id != '', t.customer_id, p.customer_id) AS customer_id,
       if(t.method != '', t.method, p.method) AS method,
       if(p.card_brand != '', p.card_brand, t.card_brand) AS card_brand,
       if(t.card_country != '', t.card_country, p.card_country) AS card_country,
       t.decline_code AS decline_code, t.failure_code AS failure_code, t.reason AS reason, t.version AS version
  FROM (SELECT * FROM transactions_fact FINAL WHERE workspace_id = {ws:String}) AS t
  LEFT JOIN (SELECT account, transaction_id, payment_id, invoice_id, customer_id, method, card_brand, card_country
               FROM transactions_fact FINAL WHERE workspace_id = {ws:String} AND kind = 'payment') AS p
         ON p.account = t.account AND p.transaction_id = t.charge_id
  LEFT JOIN (SELECT account, payment_id, invoice_id FROM payment_invoices FINAL WHERE workspace_id = {ws:String}) AS i
         ON i.account = t.account AND i.payment_id = t.payment_id
