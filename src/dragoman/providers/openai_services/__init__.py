"""Services with OpenAI's chat protocol that are nothing but a URL, a key and some quirks: a row each, no code."""

from dragoman.providers.openai_services.hosts import HOSTS
from dragoman.providers.openai_services.local import LOCAL
from dragoman.providers.openai_services.makers import MAKERS
from dragoman.providers.openai_services.provider import provider_of

ROWS = (*MAKERS, *HOSTS, *LOCAL)

PROVIDERS = tuple(provider_of(row) for row in ROWS)
"""The classes, for the catalogue."""
