-- The chart of accounts, the same for every workspace: reference data, changed by migrations only.
CREATE TABLE ledger.accounts (
  code        text COLLATE "C" PRIMARY KEY,
  type        text NOT NULL CHECK (type IN ('asset', 'liability', 'income', 'expense')),
  normal_side text NOT NULL CHECK (normal_side IN ('debit', 'credit')),
  description text NOT NULL
);

INSERT INTO ledger.accounts (code, type, normal_side, description) VALUES
  ('receivable',      'asset',     'debit',  'What customers owe on finalized invoices'),
  ('stripe_clearing', 'asset',     'debit',  'Money Stripe holds: captured, not yet refunded, disputed or paid out'),
  ('bank',            'asset',     'debit',  'Money in, or on its way to, the workspace''s bank'),
  ('fx_clearing',     'asset',     'debit',  'The two sides of a conversion between currencies'),
  ('customer_credit', 'liability', 'credit', 'Credit balances that customers may use on later invoices'),
  ('tax',             'liability', 'credit', 'Tax invoiced, owed to authorities'),
  ('revenue',         'income',    'credit', 'Sales, without tax, when invoiced or sold'),
  ('refunds',         'income',    'debit',  'Given back after payment: lowers income'),
  ('fees',            'expense',   'debit',  'What providers charge'),
  ('disputes',        'expense',   'debit',  'Payments that customers'' banks took back'),
  ('bad_debt',        'expense',   'debit',  'Invoices written off as uncollectible');

REVOKE INSERT, UPDATE, DELETE ON ledger.accounts FROM ledger;
