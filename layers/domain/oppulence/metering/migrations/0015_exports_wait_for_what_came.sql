-- A schedule's export waits for what had come when it was made: `awaits` are the batches that were sent last by then, `made_at` is
-- real time, before which others had landed.
ALTER TABLE metering.exports ADD COLUMN awaits text[] COLLATE "C" NOT NULL DEFAULT '{}';
ALTER TABLE metering.exports ADD COLUMN made_at timestamptz NOT NULL DEFAULT clock_timestamp();
