"""Fields of a request that would steer a gateway behind this one. Knows no protocol.

Some services are gateways themselves, and take from a request where it goes, with whose key, and through which proxy.
Here that is the configuration's to say: a caller who could say it could have our credentials sent to a host of his own.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dragoman.errors import InvalidRequestError

STEERING = frozenset(
    {
        "api_base",
        "api_endpoint",
        "api_key",
        "api_keys",
        "api_type",
        "aws_access_key_id",
        "aws_bedrock_runtime_endpoint",
        "aws_role_name",
        "aws_secret_access_key",
        "aws_session_token",
        "aws_sts_endpoint",
        "azure_ad_token",
        "azure_endpoint",
        "base_url",
        "custom_llm_provider",
        "default_headers",
        "endpoint",
        "extra_headers",
        "headers",
        "http_proxy",
        "https_proxy",
        "litellm_params",
        "model_list",
        "proxies",
        "proxy",
        "proxy_url",
        "user_config",
        "vertex_credentials",
        "vertex_location",
        "vertex_project",
    }
)
"""What LiteLLM, its likes, and the SDKs on which they are built call an address, a credential, a header or a proxy."""

NESTED = ("extra_body", "litellm_metadata", "metadata")
"""Fields whose own fields, however deep, those take for the request's."""


def steering(fields: Mapping[str, Any]) -> Iterator[str]:
    """The names of such fields, as `metadata.api_base`."""
    yield from sorted(STEERING.intersection(fields))
    for name in NESTED:
        if name in fields:
            yield from _inside(fields[name], name)


def check_steering(fields: Mapping[str, Any], allowed: frozenset[str]) -> None:
    """Raises InvalidRequestError for one that is not `allowed`."""
    for path in steering(fields):
        if path.rpartition(".")[2] not in allowed:
            raise InvalidRequestError(
                f"{path}: where a service is, and how it is asked, is not the caller's to say; a provider's "
                "`allow_fields` lists fields that pass",
                code="field_not_allowed",
                param=path,
            )


def _inside(value: Any, path: str) -> Iterator[str]:
    match value:
        case dict():
            for name, inner in value.items():
                if name in STEERING:
                    yield f"{path}.{name}"
                yield from _inside(inner, f"{path}.{name}")
        case list():
            for inner in value:
                yield from _inside(inner, path)
        case _:
            return
