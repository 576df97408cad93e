-- The only way to read events: one workspace, each event once. FROM workspace_events(ws = {ws:String})
CREATE VIEW IF NOT EXISTS workspace_events AS
SELECT event_id, account, event_type, event_source, entity_type, entity_id, data, event_timestamp, processed_at,
       event_date, version
  FROM events FINAL
 WHERE workspace_id = {ws:String}
