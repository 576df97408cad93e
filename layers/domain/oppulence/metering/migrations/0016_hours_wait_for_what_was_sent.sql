-- Hours up to `closing_until` are to be closed once the batches are settled that had been sent last when that was found: `awaits`, noted at
-- `noted_at` (real time).
ALTER TABLE metering.closed_hours
  ADD COLUMN closing_until timestamptz, ADD COLUMN awaits text[] COLLATE "C" NOT NULL DEFAULT '{}', ADD COLUMN noted_at timestamptz;
