-- What each landed event counts for each version of a meter that was known when it was reckoned, or why it cannot. A batch that
-- was reckoned again has rows twice: of (batch_id, sequence, meter, version) any one holds, all are equal.
CREATE TABLE IF NOT EXISTS usage_landed_values
(
    workspace_id String,
    batch_id     String,
    sequence     UInt32,
    id_hash      UInt128 DEFAULT reinterpretAsUInt128(sipHash128Reference(source, id)),
    meter        LowCardinality(String),
    version      UInt32,
    subject      String,
    time         DateTime64(6, 'UTC'),
    source       String,
    id           String,
    stored_at    DateTime64(6, 'UTC'),
    number       Decimal(76, 20),         -- 0 where it cannot count
    text         String,                  -- for UNIQUE_COUNT, where it is never empty; else ''
    groups       Array(LowCardinality(Nullable(String))),  -- of the version's dimensions in order of their names
    problem      LowCardinality(String),  -- why it cannot count; '' counts
    landed_at    DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = MergeTree
PARTITION BY toDate(landed_at)
ORDER BY (workspace_id, batch_id, meter, version, sequence)
TTL toDateTime(landed_at) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
