-- What counts: a row for each settled event and version of a meter. A quantity is a sum over these, without FINAL.
CREATE TABLE IF NOT EXISTS usage_values
(
    workspace_id String,
    meter        LowCardinality(String),
    version      UInt32,
    subject      String,
    time         DateTime64(6, 'UTC'),
    source       String,
    id           String,
    stored_at    DateTime64(6, 'UTC'),
    sequence     UInt32,
    number       Decimal(76, 20),
    text         String,
    groups       Array(LowCardinality(Nullable(String))),
    settlement   UInt64
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (workspace_id, meter, version, subject, time, source, id)
SETTINGS non_replicated_deduplication_window = 10000
