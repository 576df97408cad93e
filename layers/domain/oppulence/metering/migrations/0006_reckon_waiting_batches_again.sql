-- What landed events count stands beside them now. What was reckoned before that and is not settled is reckoned again as it settles.
SET ROLE metering_sweep;
UPDATE metering.batches b SET revision = -1
 WHERE NOT EXISTS (
   SELECT 1 FROM metering.settlements s WHERE s.shard = b.shard AND s.number = b.settlement AND s.settled_at IS NOT NULL
 );
SET ROLE metering_owner;
