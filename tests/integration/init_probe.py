"""Starts the classifier's init in a fresh interpreter and prints what it imported and read.

Run as a program with the classifier's packages and variables, and photos to decode after the init;
the last line is a JSON object. It imports nothing itself before the classifier does, so that
nothing is hidden.
"""

import sys

BEFORE = set(sys.modules)


def lines_of(path: str) -> list[str]:
    with open(path) as file:  # noqa: PTH123 - pathlib is not to be imported
        return file.read().splitlines()


def bytes_read() -> int:
    """Bytes that were read by calls, and those of mapped files that were touched."""
    (read,) = (line.split()[1] for line in lines_of("/proc/self/io") if line.startswith("rchar"))
    touched, is_file = 0, False
    for line in lines_of("/proc/self/smaps"):
        field, *values = line.split()
        if not field.endswith(":"):
            is_file = values[-1].startswith("/")
        elif field == "Rss:" and is_file:
            touched += int(values[0]) * 1024
    return int(read) + touched


def put_off() -> list[str]:
    """Modules that were imported and are not loaded."""
    return sorted(name for name, module in sys.modules.items() if is_stand_in(module))


def is_stand_in(module: object) -> bool:
    return type(module).__name__ == "_Deferred" and "__file__" not in vars(module)


def main() -> None:
    opened: list[str] = []

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str):
            opened.append(arguments[0])

    before_bytes = bytes_read()
    sys.addaudithook(note)
    from classifier import handler

    files, after_bytes, modules = len(opened), bytes_read(), set(sys.modules) - BEFORE
    import json

    model = handler.INSTANCE.model()
    for path in sys.argv[1:]:
        with open(path, "rb") as photo:  # noqa: PTH123
            model.prepare(photo.read(), max_pixels=10**8, max_decode_ms=60_000)
    result = {
        "modules": sorted(modules),
        "files": files,
        "bytes": after_bytes - before_bytes,
        "put_off": put_off(),
    }
    sys.stdout.write(json.dumps(result) + "\n")


main()
