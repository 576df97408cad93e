-- The console has no tables yet. Its role exists because readiness is asked as this context and no other.
COMMENT ON SCHEMA console IS 'Pages and read models for people';
