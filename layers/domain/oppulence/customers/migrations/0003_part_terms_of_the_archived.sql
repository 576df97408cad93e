-- 0002 ran as the owner, who by the policies sees no row: the terms of customers archived before it were left as they were.
SET ROLE customers_sweep;
UPDATE customers.terms t SET status = c.status
  FROM customers.customers c WHERE c.workspace_id = t.workspace_id AND c.id = t.customer_id AND c.status <> t.status;
SET ROLE customers_owner;
