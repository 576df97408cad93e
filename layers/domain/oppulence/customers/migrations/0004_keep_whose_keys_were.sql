-- A customer's key is one of its subjects from the moment the customer has it, and stays so: whoever changes or gives up a key
-- does not take past usage from the customer. Points that began with a key give way to the next customer that has it.
ALTER TABLE customers.subject_owners ADD COLUMN by_key boolean NOT NULL DEFAULT false;

-- What was merged into what, and when: a figure of before is computed again for the customers that there were.
CREATE TABLE customers.merges (
  workspace_id text COLLATE "C" NOT NULL,
  customer_id  text COLLATE "C" NOT NULL,
  into_id      text COLLATE "C" NOT NULL,
  merged_at    timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, customer_id),
  FOREIGN KEY (workspace_id, customer_id) REFERENCES customers.customers ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, into_id) REFERENCES customers.customers ON DELETE CASCADE
);
CREATE INDEX ON customers.merges (workspace_id, into_id);
SELECT customers.protect(ARRAY['customers.merges']::regclass[]);
CREATE VIEW customers_api.merges WITH (security_barrier) AS
  SELECT workspace_id, customer_id, into_id, merged_at FROM customers.merges;

SET ROLE customers_sweep;
INSERT INTO customers.merges (workspace_id, customer_id, into_id, merged_at)
SELECT workspace_id, id, merged_into, updated_at FROM customers.customers WHERE status = 'merged'
ON CONFLICT DO NOTHING;
INSERT INTO customers.subject_owners (workspace_id, subject, valid_from, customer_id, recorded_at, by_key)
SELECT workspace_id, key, timestamptz '1900-01-01 00:00:00+00', coalesce(merged_into, id), created_at, true
  FROM customers.customers WHERE key IS NOT NULL
ON CONFLICT (workspace_id, subject, valid_from) WHERE replaced_at IS NULL DO NOTHING;
SET ROLE customers_owner;
