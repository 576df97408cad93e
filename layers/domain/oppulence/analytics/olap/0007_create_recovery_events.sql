-- What happened in recovery cases: `started`, `email_sent` once a step, and an end, `recovered` or `failed`. A case has one row of
-- each slot, whose highest version stays; the end of a case that is open, or open again, is the row `none`, which no view shows.
CREATE TABLE IF NOT EXISTS recovery_events
(
    workspace_id           String,
    case_id                String,
    slot                   LowCardinality(String),   -- started, end, email_sent:<step>
    event_type             LowCardinality(String),
    event_timestamp        DateTime64(3, 'UTC'),
    opened_at              DateTime64(3, 'UTC'),     -- of the case
    workflow_id            LowCardinality(String),
    cohort                 LowCardinality(String),   -- of an experiment; `all` without one
    account                String,
    invoice_id             String,
    customer_id            String,
    currency               LowCardinality(String),
    original_amount_minor  Int64,                    -- unpaid at the first failure
    recovered_amount_minor Int64,
    reason                 LowCardinality(String),
    step                   LowCardinality(String),
    version                UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(event_timestamp)
ORDER BY (workspace_id, case_id, slot)
