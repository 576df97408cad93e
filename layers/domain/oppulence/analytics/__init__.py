"""Analytics: money, recovery and recurring revenue as tables of the analytical store, and the reports made of them.

Owns: the states of subscriptions (PostgreSQL), the analytical tables `transactions_fact`, `payment_invoices`,
`recovery_events`, `mrr_movements`, and the platform's own rows of `events`.
Terms: a *transaction* is a provider's object that moves money (payment, refund, dispute, payout) or a fee; *MRR* is what a
customer's subscriptions bring in a month, in minor units of one currency; a *movement* is a change of a customer's MRR; a
*generation* is one reckoning of a customer's movements, which replaces all earlier ones.
Invariants: PostgreSQL is the truth, and the analytical tables hold nothing that cannot be made of it again; a row is read
once, however often it was written; the same facts give the same rows in whatever order they came; amounts of two
currencies are never added.
Emits: nothing.
Consumes: sync.event.stored, sync.object.observed, recovery.case.opened|closed|reopened|dated_back, recovery.mail.sent,
ledger.entry.posted, tenancy.audit_log.sealed, tenancy.workspace.erased.
"""
