"""A toolkit for services of third parties: a session that sends requests, and the errors for their failures."""

from dragoman.providers.session.errors import raise_for_status
from dragoman.providers.session.session import StreamSession

__all__ = ["StreamSession", "raise_for_status"]
