"""File modes of what `cdk synth` writes."""

from pathlib import Path


def make_readable(folder: Path) -> None:
    """Allow every user to read what is in a folder, and to enter its subfolders.

    CDK copies files with their modes into an assembly, and from there into functions and images,
    where Lambda runs as a user who owns none of them. In a clone made under umask 077 only the
    owner may read.

    Args:
        folder: the assembly.
    """
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))
