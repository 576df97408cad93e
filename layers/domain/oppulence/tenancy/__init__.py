"""Workspaces, the people and keys that may act in them, and the record of what they did.

Owns: workspaces, users, memberships, invitations, API keys, data keys, feature flags, the audit log, dead letters.
Terms: a *workspace* is a tenant; a *user* is a person known by an OIDC issuer's subject; a *membership* gives a user a role in
a workspace; an *API key* acts with the scopes it was given; a *data key* encrypts a workspace's secrets and personal data;
a *dead letter* is an event that a consumer, of whatever context, could not process.
Invariants: a workspace has an owner; nobody grants more than they have; only SHA-256 hashes of keys and tokens are stored;
rows of the audit log are only ever added, and each is chained to the one before within a minute; a dead letter leaves SQS only
when its row and its body are kept, is tried by itself once, and then waits for a person.
Emits: tenancy.workspace.created|deletion_scheduled|restored|erased, tenancy.member.invited|joined|removed,
tenancy.api_key.created|rotated|revoked, tenancy.audit_log.sealed. Consumes: nothing.
"""
