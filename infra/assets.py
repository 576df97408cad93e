"""What is uploaded: a zip per function with its one file, the domain layer cut per context, and layers of locked packages.

Equal content makes equal bytes, so an asset's hash is that of what is deployed and not of what it was made from.
"""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
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
    return _kept({f"python/{name}": file.read_bytes() for name, file in cut.of_context(context, functions).items()}, context)


def whole_domain_zip() -> Path:
    """All domain code with its migrations, for the function that applies them."""
    return _kept({f"python/{name}": file.read_bytes() for name, file in cut.everything().items()}, "domain")


def placeholder() -> Path:
    """What stands for a layer where none is needed: the laptop imports from its own environment."""
    return _kept({"python/README": b"Functions here import from the emulator's own environment.\n"}, "placeholder")


@cache
def packages_zip(name: str) -> Path:
    """A layer of locked packages for Lambda's Python on arm64; `name` is its folder below layers/, such as `providers/clickhouse`.

    Kept by the lock's content; built anew only when that changes.

    Raises:
        LayerError: the installer failed, or took longer than five minutes.
    """
    lock = REPO / "layers" / name / "requirements.lock"
    recipe = f"{PLATFORM} {PYTHON_VERSION}\n".encode() + lock.read_bytes()
    made = LAYERS / f"{name.replace('/', '-')}-{hashlib.sha256(recipe).hexdigest()[:16]}.zip"
    if not made.exists():
        tree = made.with_suffix(".tree")
        shutil.rmtree(tree, ignore_errors=True)
        _install(lock, tree / "python")
        _write({str(file.relative_to(tree)): file.read_bytes() for file in _shipped(tree)}, made)
        shutil.rmtree(tree)
    return made


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
