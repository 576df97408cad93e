-- The events that a settlement settles: of each id not settled before, the row with the least (stored_at, sequence). Written first,
-- with the settlement's token; all else of the settlement is read from here, so a settlement done twice settles the same.
CREATE TABLE IF NOT EXISTS usage_chosen
(
    shard        UInt16,
    settlement   UInt64,
    workspace_id String,
    batch_id     String,
    sequence     UInt32,
    id_hash      UInt128,
    chosen_at    DateTime DEFAULT now()
)
ENGINE = MergeTree
ORDER BY (shard, settlement, workspace_id, batch_id, sequence)
TTL chosen_at + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000
