"""What every context needs and no business term appears in.

Owns: ids, money, time, errors, the unit of work, HTTP routes, consumers, tasks, schedules, events, auth, limits,
idempotency, crypto.
Invariants: nothing here imports a context; an entry point loads only the modules that its declaration needs.
"""
