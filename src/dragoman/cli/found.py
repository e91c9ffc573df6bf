"""What the modules of a folder make: no list is edited for a new one."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def made_in(package: ModuleType, kind: type[T]) -> Iterator[T]:
    """Every value of this type in the modules of `package`, by the modules' names."""
    for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        yield from (value for value in vars(module).values() if isinstance(value, kind))
