-- Which payment intent pays which invoice: newer versions of the provider's API no longer say it on the payment.
CREATE TABLE IF NOT EXISTS payment_invoices
(
    workspace_id String,
    account      String,
    payment_id   String,
    invoice_id   String,
    version      UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace_id, account, payment_id)
