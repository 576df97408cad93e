-- What other contexts may know of the keys of the workspace they work for: events without a source have their key's name.
CREATE VIEW tenancy_api.api_keys WITH (security_barrier) AS
  SELECT workspace_id, id, name FROM tenancy.api_keys;

GRANT SELECT ON tenancy_api.api_keys TO contexts;
