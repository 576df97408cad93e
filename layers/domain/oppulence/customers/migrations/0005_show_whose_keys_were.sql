-- Who had a key at an earlier instant is asked by higher contexts too.
CREATE OR REPLACE VIEW customers_api.subject_owners WITH (security_barrier) AS
  SELECT workspace_id, subject, valid_from, customer_id, recorded_at, replaced_at, by_key FROM customers.subject_owners;
