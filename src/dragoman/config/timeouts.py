"""The longest waits for a service, as far as they are set. Knows no file and no environment."""

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict


class TimeoutsConfig(Struct, frozen=True, kw_only=True):
    """The longest waits for a service, in seconds; `inf` is no limit.

    UNSET: not set; None: no limit.
    """

    pool: float | UnsetType | None = UNSET
    """For a free connection, when all are in use."""
    connect: float | UnsetType | None = UNSET
    """For the connection: as long as httpx, LiteLLM and Envoy wait."""
    tls: float | UnsetType | None = UNSET
    """For the TLS handshake."""
    proxy: float | UnsetType | None = UNSET
    """For the way through a proxy."""
    first_byte: float | UnsetType | None = UNSET
    """For the first byte of the answer; models think before it."""
    idle: float | UnsetType | None = UNSET
    """For the next byte of an answer that has begun: after a minute of silence the service is gone."""
    total: float | UnsetType | None = UNSET
    """For the whole answer; no known answer takes 15 minutes."""
    first_token: float | UnsetType | None = UNSET
    """From the request to the first content of a stream, even if heartbeats come before it: some models think for two
    minutes in silence. In a route of several targets it is 30 seconds unless it is set anywhere, because another can be
    asked; set it there if your models think longer, or each of their requests is asked again elsewhere, and paid twice.
    An answer that is relayed whole shows no content before all of it has come, and has no such limit."""
    end: float | UnsetType | None = UNSET
    """For the end of an answer whose reason to stop has come: after this silence it counts as complete."""

    def by_name(self) -> dict[str, float | None]:
        """The timeouts that are set, by name; None is no limit."""
        return {name: value for name, value in asdict(self).items() if value is not UNSET}
