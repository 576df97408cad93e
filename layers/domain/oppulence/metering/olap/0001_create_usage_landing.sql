-- All that was accepted and has come here, repeats too, whatever became of it. A row's place (stored_at, sequence) was stamped
-- once, before the queue. Rows are read by their batches while these are unsettled; the archive keeps them for good.
CREATE TABLE IF NOT EXISTS usage_landing
(
    workspace_id String,
    batch_id     String,
    sequence     UInt32,                  -- within the batch
    id_hash      UInt128 DEFAULT reinterpretAsUInt128(sipHash128Reference(source, id)),
    source       String,
    id           String,
    type         LowCardinality(String),
    subject      String,
    time         DateTime64(6, 'UTC'),
    stored_at    DateTime64(6, 'UTC'),
    data         Nullable(String) CODEC(ZSTD(1)),
    landed_at    DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = MergeTree
PARTITION BY toDate(landed_at)
ORDER BY (workspace_id, batch_id, sequence)
TTL toDateTime(landed_at) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
