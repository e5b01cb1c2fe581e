"""A root file system of arm64 with Python and the classifier's packages, to run under emulation.

Debian's packages are only unpacked, so it needs neither root nor another architecture in dpkg.
"""

import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from warmlens.local.venvs import classifier_requirements
from warmlens.paths import STATE

QEMU = "qemu-aarch64"
PROCESSOR = "neoverse-n1"
"""The core of Graviton2, which runs Lambda's arm64 functions (AWS Lambda developer guide,
"Lambda instruction set architectures")."""
_PACKAGES = ("python3", "libstdc++6")
_TAGS = tuple(f"manylinux_2_{minor}_aarch64" for minor in range(28, 16, -1))
# ONNX Runtime reads which processor it runs on. The emulator would show it the host's files, and
# the library ends with a segmentation fault at what they say.
_CPUINFO = """\
processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc \
dcpop asimddp ssbs
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1

"""


def missing() -> str | None:
    """Return what this machine lacks to run arm64, with the way to get it; None: nothing."""
    if shutil.which(QEMU) is None:
        return f"{QEMU} is not installed: sudo apt install qemu-user"
    release = Path("/etc/os-release")
    if not release.exists() or not re.search(
        "^ID=debian$", release.read_text(encoding="utf-8"), re.MULTILINE
    ):
        return "Debian's packages for arm64 are unpacked, which needs Debian's apt-get"
    return None


@functools.cache
def launcher() -> tuple[str, ...]:
    """Return the command that runs Python on an emulated arm64 processor; the first call makes it.

    Raises:
        CalledProcessError: the packages could not be had, such as without a network.
    """
    files = classifier_requirements("onnxruntime")
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in (Path(__file__), *files)))
    root = STATE / "environments" / f"arm64-{digest.hexdigest()[:12]}"
    if not root.exists():
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent, prefix="arm64-new-") as new:
            made = Path(new) / "root"
            _unpack(made, Path(new) / "apt")
            _install(made, files)
            _describe_processor(made)
            made.rename(root)
    return QEMU, "-L", str(root), "-cpu", PROCESSOR, str(root / "usr" / "bin" / "python3")


def packages() -> Path:
    """Return the folder of the classifier's packages for arm64."""
    return Path(launcher()[2]) / "opt" / "packages"


def _unpack(root: Path, work: Path) -> None:
    for name in ("state/lists/partial", "cache/archives/partial", "packages"):
        (work / name).mkdir(parents=True)
    config = work / "apt.conf"
    config.write_text(
        'APT::Architecture "arm64";\n'
        'APT::Architectures { "arm64"; };\n'
        f'Dir::State "{work}/state";\n'
        'Dir::State::status "/dev/null";\n'
        f'Dir::Cache "{work}/cache";\n'
        'Acquire::Languages "none";\n'
        'APT::Sandbox::User "";\n',
        encoding="utf-8",
    )
    folder, environment = work / "packages", {**os.environ, "APT_CONFIG": str(config)}
    run = functools.partial(subprocess.run, check=True, cwd=folder, env=environment)
    run(["apt-get", "-qq", "update"])
    only = [f"--no-{each}" for each in ("recommends", "suggests", "conflicts", "breaks")]
    only += ["--no-replaces", "--no-enhances"]
    needed = run(
        ["apt-cache", "depends", "--recurse", *only, *_PACKAGES],
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ).stdout
    run(["apt-get", "-qq", "download", *sorted(set(re.findall("^[a-z].*", needed, re.MULTILINE)))])
    for package in sorted(folder.glob("*.deb")):
        run(["dpkg-deb", "--extract", str(package), str(root)])


def _install(root: Path, files: tuple[Path, ...]) -> None:
    version = (root / "usr" / "bin" / "python3").readlink().name.removeprefix("python")
    for file in files:
        platforms = [part for tag in _TAGS for part in ("--platform", tag)]
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
                *("--only-binary", ":all:", "--python-version", version, *platforms),
                *("--target", str(root / "opt" / "packages"), "--requirement", str(file)),
            ],
            check=True,
        )


def _describe_processor(root: Path) -> None:
    for name, text in (
        ("proc/cpuinfo", _CPUINFO),
        ("sys/devices/system/cpu/possible", "0\n"),
        ("sys/devices/system/cpu/present", "0\n"),
        ("sys/devices/system/cpu/kernel_max", "0\n"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
