"""A workspace's customers: who they are, which usage is theirs, and which provider customers they are.

Owns: customers, search terms, usage subjects with their history, links to provider customers.
Terms: a *key* is the workspace's own id of a customer: opaque to us, unique, unlike our ids, without personal meaning; a *usage
subject* is what usage events name, and belongs to one customer at a time; a *link* ties a provider's customer to ours; a customer
that nobody has worked with since a provider's event made it is *bare*; a *term* is a normalized key, e-mail or word of a name.
Invariants: a subject has at most one owner at any instant, because only the beginnings of ownership are stored; what was said
of a subject's history is replaced, never lost, so attribution can be asked for as it was known at an earlier instant; a
provider's customer has one link; e-mail addresses never match anything; a merged or erased customer holds no personal data.
Emits: customers.customer.created|updated|merged|erased|archived, customers.subject.moved.
Consumes: sync.customer.created|updated|deleted, tenancy.workspace.erased.

Provider customers are matched by their link, else by the key that their metadata carry (`customer_key`, or `key`); one that
matches nothing makes a bare customer with that key, if there is one, and the link. Events carry no personal data, so a bare
customer gets its name and addresses from the workspace. When a key turns up later, the bare customer takes it, or is merged
into the customer that has it; anything the workspace has worked with is left alone for the workspace to merge.
"""
