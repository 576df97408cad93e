"""The code watcher of `make dev`: an edit is live with the next call, without synthesis or deployment.

A function's file becomes its new zip. Domain code is read straight from the tree, so its edits need fresh workers only:
of all functions, which is quicker than finding out who imports what. Settings: `python -m infra.local.watch <file>`.
"""

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from watchfiles import PythonFilter, watch

from infra.assets import single_file_zip
from infra.local.aws import session

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import FunctionConfigurationTypeDef

QUIET_MS = 100  # editors write a file in several steps
POLL_MS = 200
CODE_VERSION = "CODE_VERSION"  # a variable that no code reads: changing it ends a function's workers


@dataclass(frozen=True)
class Settings:
    """What the watcher's process reads from its settings file; it makes the file `ready` once it watches."""

    emulator_url: str
    repo: str
    ready: str

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self)))


def main() -> None:
    """Watch until SIGTERM; what was done is told on the output, which is `.local/watch.log`."""
    settings = Settings(**json.loads(Path(sys.argv[1]).read_text()))
    watcher = Watcher(session().client("lambda", endpoint_url=settings.emulator_url), Path(settings.repo))
    trees = [tree for tree in (watcher.functions, watcher.domain) if tree.exists()]
    changes = watch(*trees, watch_filter=PythonFilter(), debounce=QUIET_MS, step=50, rust_timeout=POLL_MS, yield_on_timeout=True)
    for batch in changes:
        Path(settings.ready).touch()  # the first turn, empty, says that the trees are being watched
        if batch:
            watcher.apply({Path(name) for _, name in batch})


class Watcher:
    """Brings edits of one checkout to one emulator."""

    def __init__(self, aws: "LambdaClient", repo: Path) -> None:
        self.aws = aws
        self.repo = repo
        self.functions = repo / "functions"
        self.domain = repo / "layers" / "domain"

    def apply(self, files: set[Path]) -> None:
        """Bring changed files to the emulator, and say what was done or why not."""
        began = time.monotonic()
        try:
            deployed = self.by_handler()
            for file in sorted(files):
                if file.is_relative_to(self.functions) and file.exists():
                    say(self.replace(file, deployed))
            if any(file.is_relative_to(self.domain) for file in files):
                for function in deployed.values():
                    self.refresh(function)
                say(f"domain code: fresh workers for {len(deployed)} functions in {time.monotonic() - began:.1f} s")
        except (ClientError, BotoCoreError) as error:
            say(f"not applied: {error}")

    def by_handler(self) -> dict[str, "FunctionConfigurationTypeDef"]:
        """The deployed functions by their handlers, such as `functions/sync/http/list_events.handler`."""
        pages = self.aws.get_paginator("list_functions").paginate()
        return {function["Handler"]: function for page in pages for function in page["Functions"]}

    def replace(self, file: Path, deployed: dict[str, "FunctionConfigurationTypeDef"]) -> str:
        """Give one function its new code; answer what to say of it."""
        name = str(file.relative_to(self.repo))
        function = deployed.get(name.removesuffix(".py") + ".handler")
        if function is None:
            return f"{name}: a new entry point, deployed with the next start"
        source = file.read_bytes()
        try:
            compile(source, name, "exec")
        except SyntaxError as error:
            return f"{name}: not applied, {error}"
        code = single_file_zip(name, self.repo).read_bytes()
        self.aws.update_function_code(FunctionName=function["FunctionName"], ZipFile=code)
        return f"{name}: live"

    def refresh(self, function: "FunctionConfigurationTypeDef") -> None:
        """End a function's workers, so that the next call imports the code anew."""
        variables = dict(function.get("Environment", {}).get("Variables", {}))
        variables[CODE_VERSION] = str(time.time_ns())
        self.aws.update_function_configuration(FunctionName=function["FunctionName"], Environment={"Variables": variables})


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
