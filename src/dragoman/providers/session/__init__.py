"""A toolkit for services of third parties: a session to send requests with, and the errors of their refusals."""

from dragoman.providers.session.errors import raise_for_status
from dragoman.providers.session.session import StreamSession

__all__ = ["StreamSession", "raise_for_status"]
