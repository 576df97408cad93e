-- Settled events that a meter means and cannot count, with the reason.
CREATE TABLE IF NOT EXISTS usage_rejections
(
    workspace_id String,
    time         DateTime64(6, 'UTC'),
    source       String,
    id           String,
    meter        LowCardinality(String),
    version      UInt32,
    problem      LowCardinality(String),
    settlement   UInt64
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (workspace_id, time, source, id, meter, version)
SETTINGS non_replicated_deduplication_window = 10000
