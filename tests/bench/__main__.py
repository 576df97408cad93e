"""Speed, as figures and ratios: `python -m tests.bench` runs all benches, `python -m tests.bench ingest_batch` the named ones."""

import argparse
import importlib

BENCHES = (
    "cold_init", "route_overhead", "ingest_batch", "backfill", "customers_search", "objects_pages", "usage.ingest", "usage.paths",
    "usage.queries",
)  # fmt: skip


def main() -> None:
    """Run benches one after the other."""
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    parser.add_argument("benches", nargs="*", metavar="bench", help=f"of {', '.join(BENCHES)}; all if none is named")
    chosen = parser.parse_args().benches or BENCHES
    if unknown := set(chosen) - set(BENCHES):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    for name in chosen:
        importlib.import_module(f"tests.bench.{name}").run()


if __name__ == "__main__":
    main()
