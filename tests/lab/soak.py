"""The soak test against a new local cloud: `python -m tests.lab.soak MINUTES [OPTIONS]`.

A share of the calls sends hostile photos. OPTIONS are those of `python -m lab bench soak`, such as
`--rate 10`; `--more FOLDER` adds further photos. Prints the records and writes them to
`.warmlens/soak.jsonl`.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conftest import start_cloud
from tests.hostile.traffic import write_traffic
from warmlens.paths import ROOT, STATE


def main() -> int:
    """Return the exit code of `python -m lab bench soak`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("minutes")
    parser.add_argument("--more", type=Path, action="append", default=[])
    given, options = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as name:
        photos = Path(name) / "hostile"
        write_traffic(photos, given.more)
        cloud, process = start_cloud(Path(name))
        place = ("--folder", str(cloud.folder), "--minutes", given.minutes)
        try:
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "lab", "bench", "soak", "--json"),
                    *(*place, "--hostile", str(photos), *options),
                ],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
                check=False,
                encoding="utf-8",
            )
            (STATE / "soak.jsonl").write_text(done.stdout, encoding="utf-8")
            sys.stdout.write(done.stdout)
        finally:
            process.send_signal(signal.SIGINT)
            ended = process.wait(120)
    return done.returncode or ended


if __name__ == "__main__":
    sys.exit(main())
