"""opencode's opencode.json. https://opencode.ai/docs/config and /providers, seen 2026-11-26."""

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from dragoman.cli.imports.draft import Draft
from dragoman.cli.imports.headers import take_headers
from dragoman.cli.imports.importer import Imported, Importer
from dragoman.cli.imports.json_text import parse
from dragoman.cli.imports.keys import Keyring, Reference
from dragoman.cli.imports.ledger import Verdict
from dragoman.cli.imports.named import NamedImport
from dragoman.cli.imports.services import (
    AZURE_KEY,
    AZURE_RESPONSES,
    BEDROCK_BY_HAND,
    CHAT,
    GCLOUD,
    GEMINI,
    MESSAGES,
    OLLAMA,
    RESPONSES,
    VERTEX_BY_HAND,
    Service,
    at_home,
    azure_url,
    shortened,
)
from dragoman.cli.imports.settings import PLACE, entry_url, known_model
from dragoman.cli.imports.tree import Node, Rule, tree
from dragoman.config.schema import API_KEY
from dragoman.providers.clouds.vertex import vertex_url

REFERENCE = re.compile(r"\{(env|file):([^{}]*)\}")

PACKAGES: dict[str, Service] = {
    "@ai-sdk/openai-compatible": CHAT,
    "@ai-sdk/openai": RESPONSES,
    "@ai-sdk/anthropic": MESSAGES,
    "@ai-sdk/google": GEMINI,
    "@ai-sdk/cerebras": Service("cerebras"),
    "@ai-sdk/cohere": Service("cohere"),
    "@ai-sdk/deepinfra": Service("deepinfra"),
    "@ai-sdk/deepseek": Service("deepseek"),
    "@ai-sdk/fireworks": Service("fireworks"),
    "@ai-sdk/gateway": Service("vercel"),
    "@ai-sdk/groq": Service("groq"),
    "@ai-sdk/mistral": Service("mistral"),
    "@ai-sdk/perplexity": Service("perplexity"),
    "@ai-sdk/togetherai": Service("together"),
    "@ai-sdk/xai": Service("xai"),
    "@openrouter/ai-sdk-provider": Service("openrouter"),
    "ollama-ai-provider": OLLAMA,
    "ollama-ai-provider-v2": OLLAMA,
}
"""What opencode calls a service with, to the service."""

HOMES: dict[Service, Service] = {
    RESPONSES: Service("openairesponses"),
    MESSAGES: Service("anthropic"),
    GEMINI: Service("gemini"),
}
"""Protocols to who is called by them if no address is set."""

KNOWN: dict[str, Service] = {
    "anthropic": Service("anthropic"),
    "openai": Service("openairesponses"),
    "google": Service("gemini"),
    "alibaba": Service("dashscope"),
    "alibaba-cn": Service("dashscopechina"),
    "baseten": Service("baseten"),
    "cerebras": Service("cerebras"),
    "cohere": Service("cohere"),
    "deepinfra": Service("deepinfra"),
    "deepseek": Service("deepseek"),
    "fireworks-ai": Service("fireworks"),
    "groq": Service("groq"),
    "huggingface": Service("huggingface"),
    "lmstudio": Service("lmstudio"),
    "mistral": Service("mistral"),
    "moonshotai": Service("moonshot"),
    "moonshotai-cn": Service("moonshotchina"),
    "nebius": Service("nebius"),
    "nvidia": Service("nvidia"),
    "ollama": OLLAMA,
    "openrouter": Service("openrouter"),
    "perplexity": Service("perplexity"),
    "poe": Service("poe"),
    "scaleway": Service("scaleway"),
    "siliconflow": Service("siliconflow"),
    "togetherai": Service("together"),
    "vercel": Service("vercel"),
    "xai": Service("xai"),
    "zai": Service("zai"),
    "zhipuai": Service("zhipu"),
}
"""Services that opencode knows by their name (https://models.dev), to ours."""

CLOUDS: dict[str, str] = {
    "github-copilot": "it uses an account that opencode has signed in to",
    "opencode": "it uses an account that opencode has signed in to",
}
"""Services that are not called by a key alone."""

BY_HAND: dict[str, str] = {
    "amazon-bedrock": BEDROCK_BY_HAND,
    "azure": 'write an entry with type = "azureresponses" and url = "https://RESOURCE.openai.azure.com/openai/v1"',
    "google-vertex": VERTEX_BY_HAND,
    "google-vertex-anthropic": VERTEX_BY_HAND,
}
"""What to do for services of clouds whose address is not in the file."""


def _azure(resource: str) -> str | None:
    return azure_url(f"https://{resource}.openai.azure.com")


PLACES: dict[str, tuple[Service, tuple[str, ...], Callable[..., str | None]]] = {
    "azure": (AZURE_RESPONSES, ("resourceName",), _azure),
    "google-vertex": (Service("vertex"), ("project", "location"), vertex_url),
    "google-vertex-anthropic": (Service("vertexanthropic"), ("project", "location"), vertex_url),
}
"""Cloud services: the options that name their place, and how the `url` is made of them."""
PLACED = {name: options for name, (_, options, _) in PLACES.items()}

KEEP = "keep it in opencode.json, which opencode still reads"
AGENT = (
    "$schema",
    "agent",
    "autoshare",
    "autoupdate",
    "command",
    "compaction",
    "default_agent",
    "experimental",
    "formatter",
    "instructions",
    "keybinds",
    "layout",
    "logLevel",
    "lsp",
    "mcp",
    "mode",
    "permission",
    "plugin",
    "server",
    "share",
    "skills",
    "snapshot",
    "theme",
    "tools",
    "tui",
    "username",
    "watcher",
)
"""Keys that say how the agent behaves."""

RULES: dict[str, Rule] = {
    **dict.fromkeys(AGENT, (Verdict.BY_HAND, KEEP)),
    "disabled_providers": (Verdict.BY_HAND, "remove the entries of these services"),
    "enabled_providers": (Verdict.BY_HAND, "remove the entries of all other services"),
    "enterprise": (Verdict.IMPOSSIBLE, "it is an account of opencode"),
}

PROVIDER: dict[str, Rule] = {
    "name": (Verdict.IMPOSSIBLE, "an entry has no other name to show"),
    "whitelist": (Verdict.BY_HAND, "list these in `models` of the entry"),
    "blacklist": (Verdict.BY_HAND, "list all others in `models` of the entry"),
}

OPTIONS: dict[str, Rule] = {
    "timeout": (Verdict.BY_HAND, "set `total`, in seconds, in [providers.NAME.timeouts]"),
    "chunkTimeout": (Verdict.BY_HAND, "set `idle`, in seconds, in [providers.NAME.timeouts]"),
    "setCacheKey": (Verdict.BY_HAND, f"{KEEP}: dragoman passes prompt_cache_key on"),
    "includeUsage": (Verdict.EXACT, "dragoman asks each service for its usage"),
}

MODEL: dict[str, Rule] = {
    "name": (Verdict.BY_HAND, f"{KEEP}: a model has no other name to show here"),
    "limit": (Verdict.BY_HAND, f"{KEEP}: dragoman counts no tokens before it asks"),
    "cost": (Verdict.BY_HAND, f"{KEEP}: dragoman counts no costs"),
    "options": (Verdict.BY_HAND, f"{KEEP}: dragoman adds nothing to a request"),
    "variants": (Verdict.BY_HAND, f"{KEEP}: dragoman adds nothing to a request"),
    "headers": (Verdict.BY_HAND, "set `headers` of an entry for this model alone"),
    "tool_call": (Verdict.BY_HAND, "if it is false, set tools = false in [profiles.MODEL]"),
    "attachment": (Verdict.BY_HAND, "if it is false, set images = false in [profiles.MODEL]"),
    "temperature": (Verdict.BY_HAND, 'if it is false, set unsupported_fields = ["temperature"] in [profiles.MODEL]'),
    "modalities": (Verdict.BY_HAND, "if images are not among them, set images = false in [profiles.MODEL]"),
    "reasoning": (Verdict.EXACT, "reasoning is carried by itself"),
}


def convert(text: str, in_clear: bool) -> Imported:
    """The configuration for dragoman. Raises ConfigurationError if `text` is no JSON."""
    root = tree(parse(text))
    done = NamedImport(Draft(), Keyring(follow, in_clear), {})
    for node in root.at("provider").entries():
        _provider(done, node)
    if target := _target(done, root.at("model")):
        done.draft.gateway["default_model"] = target
        root.at("model").exact("gateway.default_model, which `dragoman run opencode` uses")
    if target := _target(done, root.at("small_model")):
        done.draft.route("small", [target])
        root.at("small_model").by_hand("the route `small` has it: write small_model = dragoman/small in opencode.json")
    root.judge(RULES)
    return Imported(done.draft.text("opencode"), root.ledger.close())


def follow(text: str) -> Reference | None:
    """`{env:NAME}` and `{file:PATH}`; opencode replaces them inside of longer texts too."""
    found = REFERENCE.search(text)
    if found is None:
        return None
    if found[0] != text:
        return Reference({}, "a part of it is a variable or file, and dragoman takes only whole ones")
    kind, name = found[1], found[2].strip()
    if not known_model(name):
        return Reference({}, "it names nothing")
    if kind == "file" and not PurePosixPath(name).is_absolute():
        return Reference({}, "its path starts at opencode's folder or your home")
    return Reference({kind: name})


def _provider(done: NamedImport, node: Node) -> None:
    options = node.at("options")
    base = options.at("baseURL") or node.at("api")
    package = node.at("npm")
    if node.name in CLOUDS:
        node.impossible(CLOUDS[node.name])
        return
    found = _service(node, package.value, base) if base or node.name not in BY_HAND else _cloud(node.name, options)
    if found is None and node.name in BY_HAND:
        node.by_hand(BY_HAND[node.name])
        return
    if found is None:
        node.by_hand("its protocol or address is not known here: write an entry with `protocol` and `url`")
        return
    entry = done.draft.entry(node.name, *found)
    done.entries[node.name] = entry
    where = f"providers.{entry}"
    for used in (base, package):
        used.exact(where)
    _key(done, node, entry)
    _placed(done, node, entry)
    fields = {each.name: each for each in options.at("headers").entries()}
    take_headers(done.draft, done.keyring, entry, fields)
    _models(done, node.at("models"), entry)
    options.judge(OPTIONS)
    node.judge(PROVIDER)
    for empty in (options, node):
        if empty.value == {}:
            empty.exact(where)


def _placed(done: NamedImport, node: Node, entry: str) -> None:
    """What the options said of a place is in `url`; whose key is not there must be told."""
    where = f"providers.{entry}.url"
    for option in map(node.at("options").at, PLACED.get(node.name, ())):
        if "api_key" not in done.draft.providers[entry]:
            option.by_hand(f"{where}; {AZURE_KEY if node.name == 'azure' else GCLOUD}")
        option.exact(where)


def _cloud(name: str, options: Node) -> tuple[Service, str] | None:
    """The cloud service and its `url`; None if the options do not name its place."""
    if name not in PLACES:
        return None
    service, places, address = PLACES[name]
    values = [options.at(place).value for place in places]
    if not all(isinstance(value, str) and PLACE.fullmatch(value) for value in values):
        return None
    url = entry_url(address(*values))
    return None if url is None else (service, url)


def _service(node: Node, package: object, base: Node) -> tuple[Service, str] | None:
    """The service and its `url`, empty for its own."""
    plain = PACKAGES.get(package) if isinstance(package, str) else None
    known = KNOWN.get(node.name)
    service = known if plain in (None, CHAT) and known else plain
    if service is None:
        return None
    if not base:
        service = HOMES.get(service, service)
        return None if service.needs_url else (service, "")
    if isinstance(base.value, str) and service in HOMES.values():
        service = next(protocol for protocol, home in HOMES.items() if home == service)
    url = entry_url(shortened(service, base.value)) if isinstance(base.value, str) else None
    if url is None:
        return None
    return at_home(service, url), url


def _key(done: NamedImport, node: Node, entry: str) -> None:
    settings, where = done.draft.providers[entry], f"providers.{entry}.api_key"
    key, variables = node.at("options").at("apiKey"), node.at("env")
    if key and (value := done.keyring.take(key, API_KEY, where)) is not None:
        settings["api_key"] = value
    names = list(variables.items())
    if not key and len(names) == 1 and known_model(names[0].value):
        settings["api_key"] = {"env": names[0].value}
        variables.exact(where)
    variables.by_hand(f'set {where} = {{ env = "NAME" }}, if one of them holds the key')


def _models(done: NamedImport, node: Node, entry: str) -> None:
    models: list[str] = []
    aliases: dict[str, str] = {}
    where = f"providers.{entry}.models"
    for model in node.entries():
        own = model.at("id")
        if not known_model(model.name):
            model.by_hand(f"expected the name of a model: write it into {where}")
            continue
        if known_model(own.value) and own.value != model.name:
            aliases[model.name] = own.value
            own.exact(f"providers.{entry}.model_aliases")
        own.exact(where) if own.value == model.name else own.by_hand(f"expected text: write it into {where}")
        models.append(aliases.get(model.name, model.name))
        model.judge(MODEL)
        if not isinstance(model.value, dict) or not model.value:
            model.exact(where)
    # Of services that opencode knows by itself it offers other models too.
    if models and entry not in KNOWN:
        done.draft.providers[entry]["models"] = list(dict.fromkeys(models))
    if aliases:
        done.draft.providers[entry]["model_aliases"] = aliases
    if node.value == {}:
        node.exact("none is listed here either: the service decides")


def _target(done: NamedImport, node: Node) -> str:
    """`entry/model`; a service that opencode knows by itself gets an entry. Empty if there is none."""
    if not node:
        return ""
    service, _, model = node.value.partition("/") if isinstance(node.value, str) else ("", "", "")
    if service in KNOWN and service not in done.entries and known_model(model):
        done.entries[service] = done.draft.entry(service, KNOWN[service])
    if service not in done.entries or not known_model(model):
        node.by_hand("expected PROVIDER/MODEL with a service that was imported: set gateway.default_model or a route")
        return ""
    entry = done.entries[service]
    aliases = done.draft.providers[entry].get("model_aliases")
    if isinstance(aliases, dict) and model in aliases:
        return f"{entry}/{model}"
    return done.draft.target(entry, model)


OPENCODE = Importer("opencode", "opencode", convert)
