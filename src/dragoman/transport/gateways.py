"""Which services of one owner are gateways like this one, and so may get state that others have marked."""


class Gateways:
    """What is known of them."""

    __slots__ = ("homes", "known")

    def __init__(self) -> None:
        self.known: dict[str, bool] = {}
        """Names of services that have answered, to whether they are gateways."""
        self.homes: frozenset[str] = frozenset()
        """The beginnings of the origins of services that are configured here: what they wrote goes to no gateway. See
        `protocols.opaque`."""
