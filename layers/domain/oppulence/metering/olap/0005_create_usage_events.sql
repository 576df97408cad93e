-- Each settled event once: what the explorer reads, and what new versions of meters are filled from.
CREATE TABLE IF NOT EXISTS usage_events
(
    workspace_id String,
    type         LowCardinality(String),
    time         DateTime64(6, 'UTC'),
    source       String,
    id           String,
    subject      String,
    data         Nullable(String) CODEC(ZSTD(1)),
    stored_at    DateTime64(6, 'UTC'),
    sequence     UInt32,
    batch_id     String,
    landed_at    DateTime64(6, 'UTC'),
    settlement   UInt64
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (workspace_id, type, time, source, id)
SETTINGS non_replicated_deduplication_window = 10000
