-- Ids that are settled. Small granules: they are looked up, not scanned.
CREATE TABLE IF NOT EXISTS usage_ids
(
    workspace_id String,
    id_hash      UInt128,
    settlement   UInt64
)
ENGINE = MergeTree
ORDER BY (workspace_id, id_hash)
SETTINGS index_granularity = 512, non_replicated_deduplication_window = 10000
