-- The generations of shards, which stay as they are until the transaction ends: who lands rows of one and registers them under another
-- may have had them deleted in between.
CREATE FUNCTION metering.generations(shards smallint[]) RETURNS TABLE (shard smallint, generation integer)
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT s.shard, s.generation FROM metering.shards s WHERE s.shard = ANY (shards) ORDER BY s.shard FOR SHARE
$$;
ALTER FUNCTION metering.generations(smallint[]) OWNER TO metering_sweep;
SET ROLE metering_sweep;
GRANT EXECUTE ON FUNCTION metering.generations(smallint[]) TO metering;
SET ROLE metering_owner;
