"""All targets of the fuzzer by their names."""

from collections.abc import Mapping

from tests.fuzz.targets import decoders, framing, heads, http_requests, requests, schemas, settings, taps
from tests.fuzz.targets.target import FuzzTarget

TARGETS: Mapping[str, FuzzTarget] = {
    **framing.TARGETS,
    **decoders.TARGETS,
    **taps.TARGETS,
    **requests.TARGETS,
    **http_requests.TARGETS,
    **heads.TARGETS,
    **settings.TARGETS,
    **schemas.TARGETS,
}
