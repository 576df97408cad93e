-- Quantities that billing froze: of one meter, one customer or subject, one period. `key` is billing's own.
CREATE TABLE metering.freezes (
  workspace_id text COLLATE "C" NOT NULL,
  key          text COLLATE "C" NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  meter_id     text COLLATE "C" NOT NULL,
  customer_id  text COLLATE "C",
  subject      text COLLATE "C",
  since        timestamptz NOT NULL,
  until        timestamptz NOT NULL CHECK (until > since),
  time_zone    text COLLATE "C" NOT NULL,
  PRIMARY KEY (workspace_id, key),
  FOREIGN KEY (workspace_id, meter_id) REFERENCES metering.meters ON DELETE CASCADE,
  CHECK ((customer_id IS NULL) <> (subject IS NULL))
);
CREATE INDEX ON metering.freezes (workspace_id, meter_id);

-- What a frozen quantity was, number 0, and what it became by what came later: adjustments from 1 on. Rows are never changed, and
-- each can be computed again from its settlement and the periods in which subjects were the customer's.
CREATE TABLE metering.frozen_quantities (
  workspace_id text COLLATE "C" NOT NULL,
  key          text COLLATE "C" NOT NULL,
  number       integer NOT NULL CHECK (number >= 0),
  settlement   bigint NOT NULL,
  known_at     timestamptz NOT NULL,       -- the meter's end counts as it was known then
  owned        jsonb,                      -- [[subject, since, until], ...]; null for a subject's
  quantity     numeric,                    -- null: there was none
  delta        numeric NOT NULL,           -- the quantity less that of the number before
  PRIMARY KEY (workspace_id, key, number),
  FOREIGN KEY (workspace_id, key) REFERENCES metering.freezes ON DELETE CASCADE
);

SELECT metering.protect(ARRAY['metering.freezes', 'metering.frozen_quantities']::regclass[]);
REVOKE UPDATE ON metering.freezes, metering.frozen_quantities FROM metering;
