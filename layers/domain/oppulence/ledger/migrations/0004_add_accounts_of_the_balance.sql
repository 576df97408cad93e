-- What the provider holds by its own balance transactions, and what moves it that no other fact tells of.
INSERT INTO ledger.accounts (code, type, normal_side, description) VALUES
  ('stripe_balance',     'asset',   'debit',  'What Stripe holds: the sum of its balance transactions, fees taken off'),
  ('stripe_reserve',     'asset',   'debit',  'What Stripe holds back from the balance for a time'),
  ('connected_accounts', 'asset',   'debit',  'Moved to connected accounts, less what came back'),
  ('platform_fees',      'income',  'credit', 'Fees taken from the payments of connected accounts'),
  ('adjustments',        'expense', 'debit',  'What Stripe took, less what it gave, for any other reason');

UPDATE ledger.accounts
   SET description = 'Captured, refunded, disputed or paid out, gross, and not yet in Stripe''s balance transactions'
 WHERE code = 'stripe_clearing';
