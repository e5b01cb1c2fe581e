"""A process that owns a pool and waits to be killed.

Usage: `python orphaning_pool.py PYTHON FUNCTIONS FILE`; it prints the process ids of one busy and
one idle instance. The busy one waits for FILE.
"""

import asyncio
import json
import sys
from pathlib import Path

from warmlens.runtime.function import FunctionSpec
from warmlens.runtime.pool import InstancePool


async def main(python: str, functions: Path, until: str) -> None:
    async def resolve(name: str, version: str) -> FunctionSpec:
        handler = f"handlers.{name}"
        return FunctionSpec(
            name=name,
            version=version,
            memory_mb=128,
            timeout_s=900,
            environment={},
            handler=handler,
            command=(python, "-m", "awslambdaric", handler),
            task_root=functions,
        )

    async def call(function: str, event: dict[str, str]) -> None:
        await pool.invoke(
            function=function, version="1", payload=json.dumps(event).encode(), request_id=function
        )

    is_held = asyncio.Event()

    def watch(line: str) -> None:
        if "START RequestId: hold" in line:
            is_held.set()

    async with InstancePool(resolve=resolve, log=watch) as pool:
        await call("echo", {})
        busy = asyncio.create_task(call("hold", {"until": until}))
        await is_held.wait()
        sys.stdout.write(json.dumps([instance.pid for instance in pool.instances()]) + "\n")
        sys.stdout.flush()
        await busy


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
