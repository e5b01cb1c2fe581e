"""A process that owns a pool and waits to be killed.

Usage: `python orphaning_pool.py PYTHON FILE`; it prints the process ids of one idle and one busy
instance. The busy one waits for FILE.
"""

import asyncio
import json
import sys
from pathlib import Path

from tests.integration.pool_harness import Harness, running_pool


async def main(python: str, until: Path) -> None:
    async with running_pool(Harness(python, until.parent)) as harness:
        await harness.call("echo")
        busy = await harness.hold(1, until=until)
        pids = [instance.pid for instance in harness.pool.instances()]
        sys.stdout.write(json.dumps(pids) + "\n")
        sys.stdout.flush()
        await asyncio.gather(*busy.calls)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
