-- What decided a subscription's price, from each second on in which it changed: what movements of MRR are reckoned from. Kept
-- here, because the mirror holds the present state only, and raw events leave when their retention is over.
CREATE TABLE analytics.subscription_states (
  workspace_id    text COLLATE "C" NOT NULL,
  account         text COLLATE "C" NOT NULL,          -- '' is the connection's own account
  subscription_id text COLLATE "C" NOT NULL,
  at              timestamptz NOT NULL,               -- the provider's time, whole seconds
  customer_id     text COLLATE "C" NOT NULL,
  terms           jsonb NOT NULL,
  left_out        text[] NOT NULL,                    -- why parts of it are not in its monthly amount
  PRIMARY KEY (workspace_id, account, subscription_id, at)
);
CREATE INDEX ON analytics.subscription_states (workspace_id, account, customer_id);

SELECT analytics.protect(ARRAY['analytics.subscription_states']::regclass[]);

-- Of two reckonings of a customer's movements the higher generation holds: it was taken under the customer's lock.
CREATE SEQUENCE analytics.generations;
