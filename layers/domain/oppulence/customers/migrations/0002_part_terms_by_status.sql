-- A search is for customers of one status, so the status stands in the terms: else a search for the few archived ones would
-- look at every customer that the words fit.
ALTER TABLE customers.terms ADD COLUMN status text COLLATE "C" NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived'));
UPDATE customers.terms t SET status = c.status
  FROM customers.customers c WHERE c.workspace_id = t.workspace_id AND c.id = t.customer_id AND c.status = 'archived';
ALTER TABLE customers.terms ALTER COLUMN status DROP DEFAULT;
CREATE INDEX ON customers.terms (workspace_id, status, term, customer_id);
DROP INDEX customers.terms_workspace_id_term_customer_id_idx;
