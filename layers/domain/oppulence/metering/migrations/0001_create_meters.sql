-- Meters. How one aggregates is fixed for its life; what it counts stands in its versions.
CREATE TABLE metering.meters (
  workspace_id text COLLATE "C" NOT NULL,
  id           text COLLATE "C" NOT NULL CHECK (id ~ '^met_[0-9A-Za-z]{20}$'),
  slug         text COLLATE "C" NOT NULL CHECK (length(slug) BETWEEN 1 AND 64),
  name         text,
  description  text,
  unit         text,
  metadata     jsonb NOT NULL,
  aggregation  text COLLATE "C" NOT NULL,
  percentile   numeric CHECK (percentile > 0 AND percentile <= 100),
  carry_over   boolean NOT NULL,
  prorated     text CHECK (prorated IN ('day', 'second')),
  version      integer NOT NULL CHECK (version > 0), -- the newest one's number
  used_at      timestamptz,                          -- since when something was counted: then it is archived, not deleted
  revision     bigint NOT NULL,
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL,
  archived_at  timestamptz,                          -- it counts what happened before
  PRIMARY KEY (workspace_id, id),
  CHECK ((aggregation = 'PERCENTILE') = (percentile IS NOT NULL))
);
CREATE UNIQUE INDEX one_active_slug ON metering.meters (workspace_id, slug) WHERE archived_at IS NULL;
CREATE INDEX ON metering.meters (workspace_id, created_at DESC, id DESC);

-- What a meter counts from `effective_from` on (null: since ever), until the next version's beginning or the meter's end.
-- Rows are never changed, so what past windows counted stays.
CREATE TABLE metering.meter_versions (
  workspace_id       text COLLATE "C" NOT NULL,
  meter_id           text COLLATE "C" NOT NULL,
  version            integer NOT NULL,
  event_type         text COLLATE "C" NOT NULL CHECK (length(event_type) BETWEEN 1 AND 255),
  value_property     text,
  operation_property text,
  group_by           jsonb NOT NULL,
  filter             jsonb,
  rounding           jsonb,
  effective_from     timestamptz,
  created_at         timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, meter_id, version),
  FOREIGN KEY (workspace_id, meter_id) REFERENCES metering.meters ON DELETE CASCADE,
  CHECK (version = 1 OR effective_from IS NOT NULL)
);

SELECT metering.protect(ARRAY['metering.meters', 'metering.meter_versions']::regclass[]);
