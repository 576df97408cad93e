"""What is uploaded: a zip per function with its one file, the domain layer cut per context, and layers of locked packages.

Equal content makes equal bytes, so an asset's hash is that of what is deployed and not of what it was made from. Layers hold
byte code as well when the builder's Python is the target's, which halves a cold start; the deployment workflow's is.
"""

import hashlib
import importlib.util
import marshal
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from infra import cut
from infra.discovery import REPO

BUILD = REPO / ".local" / "build"
LAYERS = REPO / ".local" / "layers"
EPOCH = (1980, 1, 1, 0, 0, 0)
PYTHON_VERSION = "3.13"
PLATFORM = "aarch64-manylinux_2_28"
BUILD_S = 300
SDIST_ONLY = ("plaid-python",)
"""Pure Python packages that publish no wheel."""


class LayerError(RuntimeError):
    """A layer could not be built; the message holds what the installer said."""


def single_file_zip(path: str, root: Path = REPO) -> Path:
    """A zip that holds one entry point's file and nothing else, at its own path, so that no function can import another."""
    return _kept({path: (root / path).read_bytes()}, Path(path).stem)


def domain_zip(context: str, functions: tuple[Path, ...]) -> Path:
    """The domain code that a context's functions can see: the kernel, the context, and what their imports reach."""
    return _kept(_layered(cut.of_context(context, functions)), context)


def whole_domain_zip() -> Path:
    """All domain code with its migrations, for the function that applies them."""
    return _kept(_layered(cut.everything()), "domain")


def placeholder() -> Path:
    """What stands for a layer where none is needed: the laptop imports from its own environment."""
    return _kept({"python/README": b"Functions here import from the emulator's own environment.\n"}, "placeholder")


@cache
def packages_zip(name: str) -> Path:
    """A layer of locked packages for Lambda's Python on arm64; `name` is its folder below layers/: `providers/clickhouse`.

    Kept by the lock's content; built anew only when that changes.

    Raises:
        LayerError: the installer failed, or took longer than five minutes.
    """
    lock = REPO / "layers" / name / "requirements.lock"
    compiled = importlib.util.MAGIC_NUMBER.hex() if compiles() else "source"
    recipe = f"{PLATFORM} {PYTHON_VERSION} {compiled}\n".encode() + lock.read_bytes()
    made = LAYERS / f"{name.replace('/', '-')}-{hashlib.sha256(recipe).hexdigest()[:16]}.zip"
    if not made.exists():
        tree = made.with_suffix(".tree")
        shutil.rmtree(tree, ignore_errors=True)
        _install(lock, tree / "python")
        _write(_layered({str(file.relative_to(tree / "python")): file for file in _shipped(tree)}), made)
        shutil.rmtree(tree)
    return made


def compiles() -> bool:
    """Whether the Python that builds is the one that Lambda runs."""
    return f"{sys.version_info.major}.{sys.version_info.minor}" == PYTHON_VERSION


def _layered(files: Mapping[str, Path]) -> dict[str, bytes]:
    """Files at their places in a layer, with byte code where it serves."""
    found = {f"python/{name}": file.read_bytes() for name, file in files.items()}
    return {**found, **(dict(_byte_code(found)) if compiles() else {})}


def _byte_code(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """What Python would write below __pycache__, bound to its source by hash and unchecked (PEP 552): /opt is read-only.

    `marshal`'s version 2 writes equal bytes for equal code; later ones depend on how often a constant is referred to.
    """
    for path, source in files.items():
        if path.endswith(".py"):
            try:
                code = compile(source, f"/opt/{path}", "exec", dont_inherit=True, optimize=0)
            except (SyntaxError, ValueError):
                continue  # a template or a test of its package: it would not import either
            header = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(source)
            yield importlib.util.cache_from_source(path, optimization=""), header + marshal.dumps(code, 2)


def _install(lock: Path, target: Path) -> None:
    uv = Path(sys.executable).parent / "uv"
    sdists = [option for package in SDIST_ONLY for option in ("--no-binary", package)]
    command = [
        str(uv), "pip", "install", "--quiet", "--no-deps", "--target", str(target), "--python-platform", PLATFORM,
        "--python-version", PYTHON_VERSION, "--only-binary", ":all:", *sdists, "--require-hashes", "--link-mode", "copy",
        "-r", str(lock),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise LayerError(f"{lock}: the installer took longer than {BUILD_S} s") from error
    if done.returncode:
        raise LayerError(f"{lock}: {done.stderr.strip()}")


def _shipped(tree: Path) -> list[Path]:
    """Installed files but for scripts and byte code of the builder's own Python."""
    files = sorted(file for file in tree.rglob("*") if file.is_file())
    return [file for file in files if "__pycache__" not in file.parts and file.relative_to(tree).parts[1] != "bin"]


def _kept(files: Mapping[str, bytes], name: str) -> Path:
    """A zip of these files below .local/build, written once for equal content."""
    digest = hashlib.sha256()
    for path, data in sorted(files.items()):
        digest.update(f"{path}\0{len(data)}\0".encode() + data)
    made = BUILD / f"{name}-{digest.hexdigest()[:20]}.zip"
    if not made.exists():
        _write(files, made)
    return made


def _write(files: Mapping[str, bytes], to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in sorted(files.items()):
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    part.replace(to)
