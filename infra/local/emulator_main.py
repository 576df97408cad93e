"""The emulator's process: `python -m infra.local.emulator_main <seed file> <function log>` patches ministack, then runs it."""

import sys
from importlib.metadata import version
from pathlib import Path

from infra.local import emulator_keys, emulator_patches

PIN = "1.5.33"


def main() -> None:
    """Run ministack until SIGTERM; its settings come from the environment that `infra.local.emulator` makes."""
    if (found := version("ministack")) != PIN:
        raise emulator_patches.EmulatorChanged(
            f"the patches were written for ministack {PIN}, this is {found}: "
            "read infra/local/emulator_patches.py against the new source, then move the pin"
        )
    seed = Path(sys.argv[1]).read_bytes()
    emulator_patches.apply_all(Path(sys.argv[2]))
    emulator_keys.keep_keys(seed)
    sys.argv = ["ministack"]  # its own argument parser reads the rest
    from ministack.app import main as run  # reads the environment at import

    run()


if __name__ == "__main__":
    main()
