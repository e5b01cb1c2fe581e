"""Deferred imports of modules that libraries import but this function never uses."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Deferred(ModuleType):
    """A module that is loaded on first access."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        module = import_module(self.__name__)
        self.__dict__.update(module.__dict__)
        return getattr(module, name)


def defer(name: str) -> None:
    """Defer the loading of a module from its next `import` to its first access.

    Args:
        name: a module without submodules.
    """
    if name not in sys.modules:
        sys.modules[name] = _Deferred(name)
