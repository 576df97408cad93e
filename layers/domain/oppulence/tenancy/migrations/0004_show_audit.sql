-- What higher contexts read of the audit log: sealed entries by their place in the chain, without what is personal in them.
CREATE VIEW tenancy_api.audit_entries WITH (security_barrier) AS
SELECT s.workspace_id, s.seq, a.id, a.actor_type, a.actor_id, a.action, a.resource_type, a.resource_id, a.changes, a.occurred_at
  FROM tenancy.audit_seals s
  JOIN tenancy.audit_log a ON a.id = s.audit_id;

GRANT SELECT ON tenancy_api.audit_entries TO contexts;
