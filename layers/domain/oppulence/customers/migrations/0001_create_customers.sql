-- A workspace's customers. `key` is the workspace's own id. Merged and erased rows stay as tombstones without personal data.
CREATE TABLE customers.customers (
  workspace_id text COLLATE "C" NOT NULL,
  id           text COLLATE "C" NOT NULL CHECK (id ~ '^cust_[0-9A-Za-z]{20}$'),
  key          text COLLATE "C" CHECK (length(key) BETWEEN 1 AND 255),
  status       text COLLATE "C" NOT NULL CHECK (status IN ('active', 'archived', 'merged', 'erased')),
  merged_into  text COLLATE "C",
  name         text,
  emails       text[] NOT NULL DEFAULT '{}',
  phone        text,
  address      jsonb,
  tax_ids      jsonb NOT NULL DEFAULT '[]',
  currency     text CHECK (currency ~ '^[A-Z]{3}$'),
  locale       text,
  time_zone    text,
  metadata     jsonb NOT NULL DEFAULT '{}',
  used_at      timestamptz,                          -- since when other contexts refer to it: then it is archived, not deleted
  version      bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, key),
  FOREIGN KEY (workspace_id, merged_into) REFERENCES customers.customers,
  CHECK ((status = 'merged') = (merged_into IS NOT NULL)),
  CONSTRAINT tombstones_are_empty CHECK (
    status NOT IN ('merged', 'erased')
    OR (name IS NULL AND emails = '{}' AND phone IS NULL AND address IS NULL AND tax_ids = '[]' AND locale IS NULL
        AND time_zone IS NULL AND metadata = '{}')
  )
);
CREATE INDEX ON customers.customers (workspace_id, status, created_at DESC, id DESC);
CREATE INDEX ON customers.customers (workspace_id, merged_into) WHERE merged_into IS NOT NULL;

-- What a search finds a customer by, normalized by the domain. Under row-level security only ranges of stored values use an
-- index: the operators of LIKE and the functions that would normalize here are not leakproof.
CREATE TABLE customers.terms (
  workspace_id text COLLATE "C" NOT NULL,
  customer_id  text COLLATE "C" NOT NULL,
  term         text COLLATE "C" NOT NULL CHECK (length(term) BETWEEN 1 AND 128),
  PRIMARY KEY (workspace_id, customer_id, term),
  FOREIGN KEY (workspace_id, customer_id) REFERENCES customers.customers ON DELETE CASCADE
);
CREATE INDEX ON customers.terms (workspace_id, term, customer_id);

-- From `valid_from` on the subject is this customer's, or nobody's, until its next row's `valid_from`. No end is stored, so two
-- owners at one instant cannot be written. A row that no longer holds gets `replaced_at` and stays.
CREATE TABLE customers.subject_owners (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL,
  subject      text COLLATE "C" NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
  valid_from   timestamptz NOT NULL,
  customer_id  text COLLATE "C",
  recorded_at  timestamptz NOT NULL,
  replaced_at  timestamptz,
  FOREIGN KEY (workspace_id, customer_id) REFERENCES customers.customers
);
CREATE UNIQUE INDEX one_owner_at_a_time ON customers.subject_owners (workspace_id, subject, valid_from) WHERE replaced_at IS NULL;
CREATE INDEX ON customers.subject_owners (workspace_id, customer_id, subject, valid_from);
CREATE INDEX ON customers.subject_owners (workspace_id, subject, valid_from) WHERE replaced_at IS NOT NULL;

-- A provider's customer and ours. `account` is '' for the connection's own.
CREATE TABLE customers.links (
  workspace_id         text COLLATE "C" NOT NULL,
  provider             text COLLATE "C" NOT NULL,
  account              text COLLATE "C" NOT NULL,
  provider_customer_id text COLLATE "C" NOT NULL,
  customer_id          text COLLATE "C" NOT NULL,
  provider_version     bigint NOT NULL,              -- the mirror's version of the provider's customer
  deleted              boolean NOT NULL,             -- the provider has removed it
  linked_at            timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, provider, account, provider_customer_id),
  FOREIGN KEY (workspace_id, customer_id) REFERENCES customers.customers
);
CREATE INDEX ON customers.links (workspace_id, customer_id);

SELECT customers.protect(ARRAY['customers.customers', 'customers.terms', 'customers.subject_owners', 'customers.links']::regclass[]);

-- What higher contexts read.
CREATE VIEW customers_api.customers WITH (security_barrier) AS
  SELECT workspace_id, id, key, status, merged_into, name, emails, phone, address, tax_ids, currency, locale, time_zone, metadata,
         version
    FROM customers.customers;
CREATE VIEW customers_api.subject_owners WITH (security_barrier) AS
  SELECT workspace_id, subject, valid_from, customer_id, recorded_at, replaced_at FROM customers.subject_owners;
CREATE VIEW customers_api.links WITH (security_barrier) AS
  SELECT workspace_id, provider, account, provider_customer_id, customer_id, deleted FROM customers.links;

-- What higher contexts write: that they refer to a customer. Runs as the owner, whom the workspace's policy binds.
CREATE FUNCTION customers.mark_used(its_id text, at timestamptz) RETURNS boolean
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE customers.customers SET used_at = coalesce(used_at, at) WHERE id = its_id RETURNING true
$$;
GRANT EXECUTE ON FUNCTION customers.mark_used(text, timestamptz) TO contexts;
