"""Pages and read models for people: today the API's reference and what says whether the platform is well.

Owns: nothing but its role in the database.
Terms: *ready* means that every store a request may need answers.
Invariants: pages load nothing from other hosts.
Emits: nothing.
Consumes: nothing.
"""
