-- What `route_overhead` lists: ten short columns, at most 300 bytes a row as JSON.
CREATE TABLE bench.rows (
  workspace_id text COLLATE "C" NOT NULL,
  id           text COLLATE "C" NOT NULL,
  at           timestamptz NOT NULL,
  customer_id  text COLLATE "C" NOT NULL,
  number       text NOT NULL,
  status       text NOT NULL,
  amount_minor bigint NOT NULL,
  currency     text NOT NULL,
  attempts     integer NOT NULL,
  is_paid      boolean NOT NULL,
  note         text,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX ON bench.rows (workspace_id, at DESC, id DESC);
SELECT bench.protect(ARRAY['bench.rows']::regclass[]);
