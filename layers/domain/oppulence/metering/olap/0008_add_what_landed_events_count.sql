-- What an event counts for each version of a meter that was known when it was reckoned, or why it cannot. A batch that was reckoned
-- again has rows twice: of (batch_id, sequence) with a (meter, version) any one holds, all are equal.
ALTER TABLE usage_landing ADD COLUMN IF NOT EXISTS counted Array(Tuple(
    meter   LowCardinality(String),
    version UInt32,
    number  Decimal(76, 20),              -- 0 where it cannot count
    text    String,                       -- for UNIQUE_COUNT, where it is never empty; else ''
    groups  Array(LowCardinality(Nullable(String))),  -- of the version's dimensions in order of their names
    problem LowCardinality(String)        -- why it cannot count; '' counts
)) AFTER data
