"""The ledger: what every fact about money means in double entry.

Owns: the chart of accounts, journal entries, postings.
Terms: a *journal entry* is one fact in the books, with two or more *postings*; a posting debits or credits one *account* with
minor units of one currency; a *kind* names what an entry is about, such as `invoice.finalized`; an entry that takes another
back is a new one with the same amounts on the opposite sides.
Invariants: debits = credits per entry and currency, checked by the database at commit; an entry is complete when its
transaction commits and never changes after, whoever tries; a fact is posted once per (workspace, provider account, object,
kind), whatever is redelivered or reordered; the provider-balance account is the sum of the balance transactions' net.
Emits: ledger.entry.posted.
Consumes: sync.invoice.finalized|paid|voided|marked_uncollectible, sync.payment.succeeded, sync.refund.created|failed,
sync.dispute.funds_withdrawn|funds_reinstated, sync.credit_note.issued|voided, sync.payout.created|failed,
sync.balance_transaction.recorded.

No personal data stands here: descriptions are made of kinds and ids. So there is nothing to erase when a workspace is, and
the books stay whole.
"""
