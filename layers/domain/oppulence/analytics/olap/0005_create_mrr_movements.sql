-- How each customer's MRR moved. A reckoning writes all movements of a customer under one generation, or one row of kind `none`;
-- a later one replaces it whole, rows that it no longer has included. Read through the view workspace_mrr_movements.
CREATE TABLE IF NOT EXISTS mrr_movements
(
    workspace_id String,
    account      String,
    customer_id  String,
    currency     LowCardinality(String),
    occurred_at  DateTime64(3, 'UTC'),
    kind         LowCardinality(String),        -- new, expansion, contraction, churn, reactivation; none
    delta_minor  Int64,
    mrr_minor    Int64,                         -- the customer's from then on
    generation   UInt64
)
ENGINE = ReplacingMergeTree(generation)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (workspace_id, account, customer_id, currency, occurred_at)
