-- Events before it are rejected; null: none is too old. It is set as reading begins, so that a part that is repeated holds the same
-- events, whatever the workspace takes by then.
ALTER TABLE metering.imports ADD COLUMN oldest timestamptz;
