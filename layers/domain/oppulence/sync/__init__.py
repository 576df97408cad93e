"""The mirror of Stripe: every event as it came, every object as it stands, and the facts that follow from them.

Owns: raw events, objects, canonical events.
Terms: a *raw event* is the exact bytes of a webhook; an *object* is the latest state of a customer, invoice, ...; a *fact* is
something that became true of an object (an invoice was paid), told once as a canonical event: by whatever event shows it, or,
when it is about the object's state, by the one that shows the latest.
Invariants: a raw event is kept once per (workspace, account, event id), whatever its type; an object's state never goes back;
a fact is announced once per object, in whatever order the events come.
Emits: sync.invoice.*, sync.payment.*, sync.refund.*, sync.dispute.*, sync.credit_note.*, sync.payout.*, sync.customer.*,
sync.balance_transaction.recorded, sync.subscription.*, sync.discount.*, sync.coupon.created, sync.payment_method.expiring,
sync.event.stored.
Consumes: connections.webhook.received.
"""
