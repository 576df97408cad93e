-- Workspaces that have entries, for the scheduled check; steps through the index from one workspace to the next.
CREATE FUNCTION ledger.workspace_ids() RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH RECURSIVE known(id) AS (
    (SELECT workspace_id FROM ledger.journal_entries ORDER BY workspace_id LIMIT 1)
    UNION ALL
    SELECT (SELECT e.workspace_id FROM ledger.journal_entries e WHERE e.workspace_id > known.id ORDER BY e.workspace_id LIMIT 1)
      FROM known WHERE known.id IS NOT NULL
  )
  SELECT id FROM known WHERE id IS NOT NULL
$$;
GRANT EXECUTE ON FUNCTION ledger.workspace_ids() TO ledger;
ALTER FUNCTION ledger.workspace_ids() OWNER TO ledger_sweep;
