"""A local Stripe: a server that the unmodified SDK talks to, with a clock, webhooks and faults of its own (see `fake`)."""
