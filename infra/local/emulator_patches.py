"""The patches that make ministack behave, here, as AWS does. Each is small, says why, and fails loudly when the name
or the signature it relies on is gone. They touch private names, hence the exact pin in `emulator_main`."""

import functools
import inspect
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

STDERR_WAIT_S = 0.003
STDERR_IDLE_S = 0.001
SPAWNS = 2  # at a time: workers import for half a second of CPU, and two cores are what a laptop can be asked for
CONSUMERS_PER_QUEUE = 2  # the lowest maximum concurrency AWS accepts
WAIT_SLICE_S = 0.25
WINDOWLESS_BATCH = 10  # AWS: a batch over 10 needs a batching window
INVOCATION_BYTES = 6_000_000
MESSAGE_BYTES = 256_000  # the largest that we send
UNTYPED_ERROR = "Runtime.HandlerError"


class EmulatorChanged(RuntimeError):
    """ministack no longer has what a patch relies on."""


def original(owner: ModuleType | type, name: str, parameters: str) -> Callable[..., Any]:
    """The function to patch, if it still takes these parameters (names divided by spaces).

    Raises:
        EmulatorChanged: it is gone, or takes others.
    """
    function = getattr(owner, name, None)
    found = None if function is None else " ".join(inspect.signature(function).parameters)
    if function is None or found != parameters:
        raise EmulatorChanged(f"ministack's {owner.__name__}.{name}({parameters}) is now {found}: see emulator_patches.py")
    return function  # type: ignore[no-any-return]


def setting(owner: ModuleType, name: str, was: object) -> None:
    """Check a module's constant before it is replaced.

    Raises:
        EmulatorChanged: it is gone or has another value.
    """
    if getattr(owner, name, None) != was:
        raise EmulatorChanged(f"ministack's {owner.__name__}.{name} is no longer {was!r}: see emulator_patches.py")


def apply_all(function_log: Path) -> None:
    """Apply every patch of this module, once, before the emulator starts; what functions print goes to a file."""
    name_handler_errors()
    keep_function_output(function_log)
    shorten_stderr_wait()
    limit_spawns()
    reap_every_idle_worker()
    limit_consumers()
    allow_large_batches()
    keep_batching_windows()
    let_waits_follow_the_clock()
    take_partner_events()


def name_handler_errors() -> None:
    """State machines retry and catch by class name; ministack answers `Runtime.HandlerError` for every exception."""
    from ministack.services import lambda_svc

    execute = original(lambda_svc, "_execute_function_warm", "func event request_id")

    @functools.wraps(execute)
    def named(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        result: dict[str, Any] = execute(func, event, request_id)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict) and body.get("errorType") == UNTYPED_ERROR:
            body["errorType"] = class_name(result.get("log", ""), body.get("errorMessage", "")) or UNTYPED_ERROR
        return result

    lambda_svc._execute_function_warm = named


def keep_function_output(file: Path) -> None:
    """What functions print ends in the emulator's CloudWatch Logs alone, where nobody who edits code sees it."""
    from ministack.services import lambda_svc

    emit = original(lambda_svc, "_emit_lambda_logs", "func request_id log_text error duration_ms log_source")
    output = file.open("w", encoding="utf-8", buffering=1)

    @functools.wraps(emit)
    def emit_and_write(func: dict[str, Any], request_id: str, log_text: str, *rest: Any, **named: Any) -> None:
        name = (func.get("config") or func).get("FunctionName", "?")
        if log_text:
            output.write("".join(f"{name} {line}\n" for line in log_text.splitlines()))
        emit(func, request_id, log_text, *rest, **named)

    lambda_svc._emit_lambda_logs = emit_and_write


def class_name(log: str, message: str) -> str | None:
    """The exception's class, without its module, from the last traceback in `log` that ends with `message`."""
    endings = re.findall(rf"^(?:\w+\.)*(\w+)(?:: {re.escape(message)})?$", log, re.MULTILINE)
    return endings[-1] if endings else None


def shorten_stderr_wait() -> None:
    """A handler that logs nothing would wait 50 ms for log lines; late lines are read with the next call."""
    from ministack.core.lambda_runtime import Worker

    drain = original(Worker, "_drain_stderr_bounded", "self first_line_wait idle_confirm hard_cap")
    Worker._drain_stderr_bounded = functools.partialmethod(drain, first_line_wait=STDERR_WAIT_S, idle_confirm=STDERR_IDLE_S)


def limit_spawns() -> None:
    """A burst over many functions would start a process for each at once, and all of them would time out."""
    from ministack.core.lambda_runtime import Worker

    spawn = original(Worker, "_spawn", "self")
    turns = threading.BoundedSemaphore(SPAWNS)  # a spawn waits for imports only, never for another function

    @functools.wraps(spawn)
    def spawn_in_turn(self: Any) -> None:
        with turns:
            spawn(self)

    Worker._spawn = spawn_in_turn


def reap_every_idle_worker() -> None:
    """ministack keeps one worker of each function for ever; at 68 MB each, hundreds of functions fill a laptop."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    original(lambda_runtime, "reap_idle_workers", "ttl")
    original(lambda_svc, "reap_idle_workers", "ttl")
    kill_workers = original(lambda_runtime, "kill_workers", "workers")

    def reap(ttl: float | None = None) -> int:
        oldest = time.time() - (lambda_runtime._LOCAL_WORKER_TTL if ttl is None else ttl)
        idle: list[Any] = []
        with lambda_runtime._lock:
            for key, workers in list(lambda_runtime._workers.items()):
                keep = [worker for worker in workers if worker.in_use or worker.last_used > oldest]
                idle += [worker for worker in workers if worker not in keep]
                lambda_runtime._workers[key] = keep
        kill_workers(idle)
        return len(idle)

    lambda_runtime.reap_idle_workers = reap
    lambda_svc.reap_idle_workers = reap


def limit_consumers() -> None:
    """Five workers for each queue without a limit of its own are more than two cores can use."""
    from ministack.services import lambda_svc

    setting(lambda_svc, "_ESM_SQS_DEFAULT_CONCURRENCY", 5)
    lambda_svc._ESM_SQS_DEFAULT_CONCURRENCY = CONSUMERS_PER_QUEUE


def allow_large_batches() -> None:
    """A mapping with a batching window takes more than ten messages on AWS; ministack stops at ten."""
    from ministack.services import lambda_svc, sqs

    receive = original(sqs, "_receive_messages_for_esm", "queue_url max_number")

    @functools.wraps(receive)
    def receive_all(queue_url: str, max_number: int) -> list[dict[str, Any]]:
        """Take batches of ten until there are enough; CloudFormation checked that over ten come with a window.

        As on AWS a function gets no more than an invocation may hold.
        """
        taken: list[dict[str, Any]] = []
        left = INVOCATION_BYTES
        while len(taken) < max_number and left >= WINDOWLESS_BATCH * MESSAGE_BYTES:
            batch = receive(queue_url, min(WINDOWLESS_BATCH, max_number - len(taken)))
            taken += batch
            left -= sum(len(message["body"]) for message in batch)
            if len(batch) < WINDOWLESS_BATCH:
                break
        return taken

    original(lambda_svc, "_poll_sqs", "")
    sqs._receive_messages_for_esm = receive_all


def keep_batching_windows() -> None:
    """ministack ignores the window in which a mapping gathers its batch: a store that wants few large writes got one by one."""
    from ministack.services import lambda_svc

    allowed = original(lambda_svc, "_sqs_esm_concurrency", "esm func_rec config queue")

    @functools.wraps(allowed)
    def allowed_now(esm: dict[str, Any], func_rec: dict[str, Any], config: dict[str, Any], queue: dict[str, Any]) -> int:
        """None while the window is open; the poller asks right before it receives."""
        return 0 if window_is_open(esm, queue["messages"], time.time()) else int(allowed(esm, func_rec, config, queue))

    lambda_svc._sqs_esm_concurrency = allowed_now


def window_is_open(mapping: dict[str, Any], messages: list[dict[str, Any]], now: float) -> bool:
    """Whether a mapping still gathers: it has a window, less than a full batch to take, and the first of it came just now."""
    window_s = mapping.get("MaximumBatchingWindowInSeconds") or 0
    if not window_s:
        return False
    visible = [max(message["sent_at"], message["visible_at"]) for message in messages if message["visible_at"] <= now]
    return bool(0 < len(visible) < mapping.get("BatchSize", WINDOWLESS_BATCH) and now - min(visible) < window_s)


def let_waits_follow_the_clock() -> None:
    """A wait keeps the scale it began with; virtual time may run faster before its days are over."""
    from ministack.services import stepfunctions

    original(stepfunctions, "_scaled_sleep", "seconds")
    setting(stepfunctions, "_SFN_WAIT_SCALE", 1.0)

    def sleep(seconds: float) -> None:
        """Sleep `seconds` of domain time in slices of real time; a scale of 0 ends the wait."""
        left = float(seconds)
        while left > 0 and (scale := stepfunctions._SFN_WAIT_SCALE) > 0:
            slice_s = min(WAIT_SLICE_S, left * scale)
            began = time.monotonic()
            time.sleep(slice_s)
            left -= (time.monotonic() - began) / scale

    stepfunctions._scaled_sleep = sleep


def take_partner_events() -> None:
    """On AWS a partner puts events on a bus, under a source that nobody else may use; here a test has to play the partner."""
    from ministack.services import eventbridge

    put = original(eventbridge, "_put_events", "data allow_aws_source")

    @functools.wraps(put)
    def taken(data: dict[str, Any], allow_aws_source: bool = False) -> Any:
        sources = [str(entry.get("Source")) for entry in data.get("Entries", [])]
        return put(data, allow_aws_source or all(source.startswith("aws.partner/") for source in sources))

    eventbridge._put_events = taken
