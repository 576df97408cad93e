-- Functions of one session that make pseudonyms: equal values become equal ones under the key in `mask.key`, and nothing leads back.
CREATE FUNCTION pg_temp.digest(kind text, value text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT encode(sha256(convert_to(current_setting('mask.key') || kind || chr(31) || value, 'UTF8')), 'hex')
$$;

CREATE FUNCTION pg_temp.mask(kind text, value text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN value IS NULL OR value = '' THEN value
    WHEN kind = 'email' THEN 'u' || left(pg_temp.digest(kind, lower(value)), 16) || '@masked.invalid'
    WHEN kind = 'phone' THEN '+1555' || lpad((('x' || left(pg_temp.digest(kind, value), 7))::bit(28)::int % 10000000)::text, 7, '0')
    WHEN kind = 'slug' THEN 'w-' || left(pg_temp.digest(kind, value), 16)
    ELSE initcap(kind) || ' ' || left(pg_temp.digest(kind, value), 12)
  END
$$;

CREATE FUNCTION pg_temp.mask_all(kind text, those text[]) RETURNS text[] LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN those IS NULL THEN NULL ELSE coalesce(
    (SELECT array_agg(pg_temp.mask(kind, one) ORDER BY place) FROM unnest(those) WITH ORDINALITY AS t (one, place)), '{}') END
$$;

-- Free text keeps its words but for addresses.
CREATE FUNCTION pg_temp.scrub(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT regexp_replace(value, '[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+', '[e-mail]', 'g')
$$;

-- One text of a document. What is plainly an id, a word of an enumeration, a code, an instant or a number stays; all else goes.
CREATE FUNCTION pg_temp.mask_text(name text, value text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN name ~* 'e?mail' OR value ~ '^[^@\s]+@[^@\s]+$' THEN pg_temp.mask('email', value)
    WHEN name ~* '(secret|token|password|fingerprint|url|pdf|^ip|_ip$)' THEN NULL
    WHEN name ~* 'phone' THEN pg_temp.mask('phone', value)
    WHEN name ~* '(^name$|_name$|^line[12]$|^city$|postal_code|^state$|last4|^value$|tax_id$)' THEN pg_temp.mask('text', value)
    WHEN value ~ '^[a-z]{2,}_[A-Za-z0-9_]+$' OR value ~ '^[a-z0-9_.:-]{1,40}$' OR value ~ '^[A-Z]{2,3}$'
      OR value ~ '^\d{4}-\d\d-\d\dT[0-9:.Z+-]+$' OR value ~ '^-?\d{1,18}(\.\d+)?$' THEN value
    ELSE pg_temp.mask('text', value)
  END
$$;

CREATE FUNCTION pg_temp.mask_json(document jsonb, name text DEFAULT '') RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
  CASE jsonb_typeof(document)
    WHEN 'object' THEN
      RETURN coalesce((SELECT jsonb_object_agg(key, CASE
          -- A workspace's own notes say anything under any name.
          WHEN name = 'metadata' AND jsonb_typeof(value) = 'string' THEN to_jsonb(pg_temp.mask('text', value #>> '{}'))
          WHEN name = 'address' AND jsonb_typeof(value) = 'string' AND key <> 'country'
            THEN to_jsonb(pg_temp.mask('text', value #>> '{}'))
          ELSE pg_temp.mask_json(value, key) END) FROM jsonb_each(document)), '{}');
    WHEN 'array' THEN
      RETURN coalesce((SELECT jsonb_agg(pg_temp.mask_json(value, name)) FROM jsonb_array_elements(document)), '[]');
    WHEN 'string' THEN
      RETURN coalesce(to_jsonb(pg_temp.mask_text(name, document #>> '{}')), 'null');
    ELSE
      RETURN document;
  END CASE;
END $$;
