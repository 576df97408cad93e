"""What `ingest_batch` weighs: a process that hands the batches of a file to the sync consumer, and nothing else."""

import json
import re
import sys
from pathlib import Path

from functions.sync.consumers.on_webhook_received import handler
from tests.bench import instant


def main() -> None:
    """Prints the process's peak memory in megabytes to standard error; functions log to the other."""
    instant.answer_at_once("kms", "events")
    with Path(sys.argv[1]).open() as batches:
        for line in batches:
            result = handler(json.loads(line), None)
            assert result == {"batchItemFailures": []}, result
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak
    print(round(int(peak[1]) / 1024, 1), file=sys.stderr)


if __name__ == "__main__":
    main()
