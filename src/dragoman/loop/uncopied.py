"""What lives in one process alone."""

from typing import NoReturn, SupportsIndex


class Uncopied:
    """It has connections, or a loop's tasks, of which there is no copy: `copy`, `pickle` and multiprocessing say so."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} cannot be copied or pickled: make one in each process")
