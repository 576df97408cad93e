-- Payments, refunds, disputes, payouts and fees, one row each: of equal keys the highest version stays, so read through FINAL
-- (the view workspace_transactions). Amounts are minor units of the currency; what moved is signed, money in is positive.
CREATE TABLE IF NOT EXISTS transactions_fact
(
    workspace_id   String,
    account        String,                      -- the provider's connected account; '' for the connection's own
    transaction_id String,                      -- the provider's id of the object
    provider       LowCardinality(String) DEFAULT 'stripe',
    kind           LowCardinality(String),      -- payment, refund, dispute, payout, fee
    status         LowCardinality(String),
    occurred_at    DateTime64(3, 'UTC'),        -- when the object was made: never changes
    currency       LowCardinality(String),
    amount_minor   Int64,
    face_minor     Int64,                       -- what it is about, whether or not it moved; never negative
    charge_id      String,
    payment_id     String,                      -- payment intent
    invoice_id     String,
    customer_id    String,
    method         LowCardinality(String),
    card_brand     LowCardinality(String),
    card_country   LowCardinality(String),
    decline_code   LowCardinality(String),
    failure_code   LowCardinality(String),
    reason         LowCardinality(String),
    version        UInt64,
    written_at     DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (workspace_id, kind, occurred_at, account, transaction_id)
