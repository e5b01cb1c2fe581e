"""The simulation kernel, compiled by Numba.

It is imported only where Numba is installed and wanted.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import numba
import numpy as np

from warmlens.paths import STATE
from warmlens.planner.arrivals import draw_arrivals
from warmlens.planner.kernel import Kernel, finish, serve
from warmlens.planner.outcome import BINS
from warmlens.planner.wakes import draw_wakes


def _sources_digest() -> str:
    """Numba's cache knows a function by its own file only; this covers all that it calls."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


vars(numba.config)["CACHE_DIR"] = str(STATE / "numba" / _sources_digest())


def _compiled(function: Callable[..., Any], done: dict[Any, Any]) -> Any:
    """Compile a function with the functions that it calls, and cache the machine code on disk.

    The module itself stays interpreted: copies are compiled, whose globals name compiled copies.

    Nothing in the kernel makes an array, so that Numba need not count references to them (`_nrt`):
    counting made the kernel seven times slower. Inlining all calls (`inline="always"`) would make
    it half as fast again, and compiling take 40 s instead of 5.
    """
    if function not in done:
        original = cast(FunctionType, function)
        names = dict(original.__globals__)
        njit: Any = numba.njit  # its types do not have the private option
        done[function] = njit(cache=True, _nrt=False)(FunctionType(original.__code__, names))
        for name in original.__code__.co_names:
            if isinstance(names.get(name), FunctionType):
                names[name] = _compiled(names[name], done)
    return done[function]


def _bins_of(bins: Any) -> dict[int, int]:
    (filled,) = bins.nonzero()
    return dict(zip(filled.tolist(), bins[filled].tolist(), strict=True))


def _in_order(moments: Any, kinds: Any) -> tuple[Any, Any]:
    order = np.lexsort((kinds, moments))
    return moments[order], kinds[order]


def _kernel() -> Kernel:
    done: dict[Any, Any] = {}
    return Kernel(
        serve=_compiled(serve, done),
        finish=_compiled(finish, done),
        draw_arrivals=_compiled(draw_arrivals, done),
        draw_wakes=_compiled(draw_wakes, done),
        chunk=65_536,
        floats=lambda values: cast(Any, np.array(values, dtype=np.float64)),
        ints=lambda values: cast(Any, np.fromiter(values, np.int64)),
        states=lambda values: cast(Any, np.array(values, dtype=np.uint64)),
        zeros=lambda count: cast(Any, np.zeros(count)),
        counters=lambda count: cast(Any, np.zeros(count, dtype=np.int64)),
        joined=lambda first, second: np.concatenate((first, second)),
        in_order=_in_order,
        histogram=lambda: cast(Any, np.zeros(BINS, dtype=np.int64)),
        counts_of=lambda counts: cast(Any, counts).tolist(),
        bins_of=_bins_of,
    )


KERNEL = _kernel()
