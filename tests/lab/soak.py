"""The soak test against a new local cloud: `python -m tests.lab.soak MINUTES`.

Prints the records and writes them to `.warmlens/soak.jsonl`.
"""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conftest import start_cloud
from warmlens.paths import ROOT, STATE


def main() -> int:
    """Return the exit code of `python -m lab bench soak`."""
    with tempfile.TemporaryDirectory() as name:
        cloud, process = start_cloud(Path(name))
        place = ("--folder", str(cloud.folder), "--minutes", sys.argv[1])
        try:
            done = subprocess.run(
                [sys.executable, "-m", "lab", "bench", "soak", "--json", *place],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
                check=False,
            )
            (STATE / "soak.jsonl").write_text(done.stdout)
            sys.stdout.write(done.stdout)
        finally:
            process.send_signal(signal.SIGINT)
            ended = process.wait(120)
    return done.returncode or ended


if __name__ == "__main__":
    sys.exit(main())
