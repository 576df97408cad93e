"""The mirror of Stripe: every event as it came, every object as it stands, and the facts that follow from them.

Owns: raw events, objects, replays, backfills, canonical events.
Terms: a *raw event* is the exact bytes of a webhook; an object is *observed* when it was listed or fetched, rather than told
of; it is *in doubt* when only Stripe can say what its latest state is; an *object* is the latest state of a customer, invoice,
...; a *backfill* lists objects at Stripe; a *fact* is something that became true of an object (an invoice was paid), told once
as a canonical event: by whatever event shows it, or, when it is about the object's state, by the one that shows the latest.
Invariants: a raw event is kept once per (workspace, account, event id), whatever its type, and leaves the raw store only when its
copy in the bucket was read back; an object's state never goes back, and a removed object stays removed; a fact is announced once
per object, in whatever order the events come.
In SQL: views in schema `sync_api` with typed columns, listed in `typed_views`.
Emits: sync.invoice.*, sync.payment.*, sync.refund.*, sync.dispute.*, sync.credit_note.*, sync.payout.*, sync.customer.*,
sync.balance_transaction.recorded, sync.subscription.*, sync.discount.*, sync.coupon.created, sync.payment_method.expiring,
sync.event.stored, sync.object.in_doubt|observed, sync.backfill.requested|type_ended|ended.
Consumes: connections.webhook.received; its own sync.replay.scheduled, sync.object.in_doubt, sync.backfill.requested|type_ended.
"""
