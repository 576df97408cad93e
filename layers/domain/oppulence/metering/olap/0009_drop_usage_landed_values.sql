-- Batches that were reckoned into it and are not settled are reckoned again.
DROP TABLE IF EXISTS usage_landed_values
