-- What happened in a workspace, as its providers reported it. Rows arrive more than once and out of order: of equal
-- keys the highest version stays, so read through FINAL (the view workspace_events).
CREATE TABLE IF NOT EXISTS events
(
    workspace_id    String,
    event_id        String,
    account         String,                      -- the provider's account, such as acct_...
    event_type      LowCardinality(String),
    event_source    LowCardinality(String),      -- stripe, plaid, ...
    entity_type     LowCardinality(String),      -- transaction, subscription, invoice, ...
    entity_id       String,
    data            String,                      -- JSON; numbers of money in it are integers of minor units
    event_timestamp DateTime64(3, 'UTC'),
    processed_at    DateTime64(3, 'UTC') DEFAULT now64(3),
    event_date      Date DEFAULT toDate(event_timestamp),
    version         UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(event_date)
ORDER BY (workspace_id, event_type, event_timestamp, event_id)
TTL event_date + INTERVAL 2 YEAR
