"""Fields of a request that would steer another gateway, if the service is one. Knows no protocol.

Such a service reads in the request where to send it, with which key, and through which proxy. Here only the
configuration decides that: a caller who could set these fields could have our credentials sent to a host of their own.
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
"""Names of an address, a credential, a header or a proxy in LiteLLM, in programs like it, and in the SDKs they use."""

NESTED = ("extra_body", "litellm_metadata", "metadata")
"""Fields whose own fields, at any depth, these programs read as fields of the request."""


def steering(fields: Mapping[str, Any]) -> Iterator[str]:
    """The names of such fields, as `metadata.api_base`."""
    yield from sorted(STEERING.intersection(fields))
    for name in NESTED:
        if name in fields:
            yield from _inside(fields[name], name)


def check_steering(fields: Mapping[str, Any], allowed: frozenset[str]) -> None:
    """Raises InvalidRequestError for a steering field that is not `allowed`."""
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
