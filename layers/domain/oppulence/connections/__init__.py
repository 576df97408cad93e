"""A workspace's connections to providers, and the doors through which providers' webhooks come in.

Owns: provider connections, their encrypted credentials, the webhook doors, the endpoints registered at providers, the gateway.
Terms: a *connection* is one account at one provider; a *door* is the public route that takes that provider's webhooks.
Invariants: a secret never leaves this context in the clear; a webhook is answered 200 only once the inbound bus has it;
a door reads DynamoDB alone, so that it works while PostgreSQL is down.
Emits: connections.connection.created|updated|needs_reauth|deleted, connections.webhook.received (inbound bus).
Consumes: connections.connection.created|updated|deleted (repairs the doors' table), tenancy.workspace.erased.
"""
