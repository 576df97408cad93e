"""Failed payments and what is done about them: dunning by mail until the invoice is paid or given up.

Owns: cases, the outcome of each step of a case's cadence, the timeline of a case.
Terms: a *case* follows one invoice from its first failed payment; a *cadence* is the list of steps and the day each is due,
counted from that failure; a *step* is one mail; the *machine* is the Step Functions execution that waits and acts for a case.
Invariants: one case per (workspace, account, invoice); every step is decided on the invoice as the mirror shows it at that
moment; each step has one outcome; a paid invoice's case is recovered, whatever else was told and in whatever order;
at most the amount at risk is recovered; the timeline is only ever added to.
Emits: recovery.case.opened|dated_back|closed|reopened, recovery.mail.sent.
Consumes: sync.invoice.payment_failed|paid|voided|marked_uncollectible, tenancy.workspace.erased.
"""
