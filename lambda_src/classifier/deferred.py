"""Standing in for a module that another one imports and this function never uses."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Deferred(ModuleType):
    """Becomes the module when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        module = import_module(self.__name__)
        self.__dict__.update(module.__dict__)
        return getattr(module, name)


def defer(name: str) -> None:
    """Let the next `import` of a module cost nothing, unless it is imported already.

    Args:
        name: a module of the standard library without submodules.
    """
    if name not in sys.modules:
        sys.modules[name] = _Deferred(name)
