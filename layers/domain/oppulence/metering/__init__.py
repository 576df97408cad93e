"""Usage metering: what a workspace's meters count of its usage events, exactly.

Owns: meters and the versions of what they count; the rules by which an event counts and values become a quantity; accepted usage
events, their archive (S3), and what they count (the `usage_` tables of the analytical store, which are made anew of the archive);
usage alerts, which hours were closed, exports of usage and their files (S3).
Terms: a *usage event* says that a subject did something at a time; a *meter* makes a number of the events of one type; a
*version* is what a meter counts from an instant on (type, filter, value, dimensions, rounding); a *value* is what one event
counts for one version, a *rejection* why it cannot; a *quantity* is what the values of a window come to; a *level* is a
quantity that goes on from window to window (`carry_over`).
Invariants: no number passes through a float; an event belongs, by its own time, to at most one version of a meter, and a new
version never begins in the past, so past windows keep what they counted; how a meter aggregates never changes, so the values
of all its versions are values of one kind; windows tile their period; a meter that counted something is never deleted.
Emits: metering.meter.created|updated|archived, metering.usage.accepted (by a queue of its own, not by the bus),
metering.usage.threshold_reached|window_closed, metering.usage_export.requested|completed|failed.
Consumes: metering.usage.accepted, metering.usage_export.requested, tenancy.workspace.erased.

`evaluation`, `quantities` and `windows` are pure functions and say what is right, case by case; whatever stores values or asks
for them must agree with them.

Events come in by `receiving`, which reads each (`cloudevents`) and says what became of it, and `ingest`, which gives those that
can be taken their place (an instant and a sequence, once and for all) and puts them on the queue in `batches`; nothing else
that is written then (`sent_gateway` notes the newest batches, so that an answer knows of what has not landed) can keep events
out.

From there they *land* and are *settled*. `landing` writes batches, repeats too, into the archive and, with what they count for
every version (`reckoning`), into `usage_landing`, and registers them in PostgreSQL: nothing counts that is not registered.
`settling` takes registered batches of a *shard* (a sixteenth of the workspaces) and gives each settlement the next number of that
shard: of each (source, id) that is not settled the row with the least (stored_at, sequence) goes to `usage_events`, and what it
counts to `usage_values`. So an id counts once, as it was stored first of what settles together, and what is settled never
changes: a number (or an instant, `snapshots`) names all that is settled by it, also after a `rebuild`. A version that comes later
is taken up with the next intent; what was settled before is counted for it by fills, settlements of their own that take turns
with others. Until they have ended, answers say that they lack something, and what is told for good waits: freezes, exports of
windows, closings, alerts. While a shard is rebuilt, also after that was broken off, they do so too (`snapshots.whole`), exports
of events wait as well, and nothing of it is settled. Every statement names its workspaces; those that settle name the ones whose
batches they settle.

Questions are answered by `query`. What is asked is looked up as of one moment (`asked`; `attribution` says whose usage it is),
values are put together by one statement (`aggregates` over `usage_reads`: what is settled, and of what has landed the first of
each id; `tails` keeps the latter while it stays the same), and `combining` finishes exactly. `answers` and `current` are the form
that has over HTTP, `explorer` shows single events, and `api` freezes quantities for billing.

What is settled is told and given away from there. `alerts` are looked at every minute where new usage was settled (or a level
goes on into a new period): what reaches a threshold is told once for an alert, subject or customer, and period. `closings` tells
each meter's quantity of an hour, once: ten minutes after its end, or when what was sent by then is settled; what comes later for
the hour is not told. `exports` writes events or answers of a period into numbered files, in parts that a crash changes nothing
of, because the settlement with which an export began fixes what is in it; one that a schedule made begins when what came in time
is settled. Decimals are text in CSV and in Parquet, since readers make floats of long ones.

The rules read `usage_event.UsageEvent`. Versions take turns: a window in which one begins takes the older version's values
before that instant and the newer one's after it, and is rounded by the rule that held when it began.
"""
