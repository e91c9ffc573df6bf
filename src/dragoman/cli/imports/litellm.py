"""The config.yaml of LiteLLM's proxy. https://docs.litellm.ai/docs/proxy/configs, seen 2026-11-26."""

from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from dragoman.cli.imports.draft import Draft
from dragoman.cli.imports.headers import take_headers
from dragoman.cli.imports.importer import Imported, Importer
from dragoman.cli.imports.keys import Keyring, Reference, settle
from dragoman.cli.imports.ledger import Verdict
from dragoman.cli.imports.litellm_rules import (
    BALANCE,
    CLOUDS,
    DEPLOYMENT,
    FAMILIES,
    GENERAL,
    MODEL_INFO,
    MODES,
    MODULE,
    OTHER_MODE,
    OTHER_VARIABLES,
    ROUTING,
    SERVICES,
    TOP,
)
from dragoman.cli.imports.services import (
    AZURE_KEY,
    AZURE_RESPONSES,
    AZURES,
    CHAT,
    GCLOUD,
    Service,
    at_home,
    azure_url,
    shortened,
)
from dragoman.cli.imports.settings import PLACE, entry_url, known_model, known_route
from dragoman.cli.imports.tree import Node, Rule, tree
from dragoman.cli.imports.yaml_text import parse
from dragoman.config.schema import API_KEY
from dragoman.providers.catalogue import catalogue
from dragoman.providers.clouds.vertex import vertex_url

VARIABLE = "os.environ/"
MANY = "*"
ORGANIZATION = "openai-organization"
VERTEX = {"gemini-": Service("vertex"), "claude-": Service("vertexanthropic")}
"""Beginnings of names of models in Vertex AI, to the service."""
VERTEX_PREFIXES = ("vertex_ai", "vertex_ai_beta")
BY_RESPONSES = {"openai": Service("openairesponses"), "azure": AZURE_RESPONSES}
"""Services whose models are asked by the newer protocol if their names begin so."""
SERIES = ("o_series/", "gpt5_series/")
"""What stands before the name of a deployment in Azure, so that LiteLLM knows which parameters its model takes."""
NO_KEY = {"azure": AZURE_KEY}
"""What to do about a cloud's key that a deployment does not name; else its token is missing."""
VERTEX_PLACE = (("vertex_project", "vertex_ai_project"), ("vertex_location", "vertex_ai_location"))
EMBEDDING = "embedding"
"""What names of models have that give vectors, which Vertex AI does at another path."""
CREDENTIAL = "litellm_credential_name"
"""What of `credential_list` a deployment uses."""

UNKNOWN: Rule = (Verdict.BY_HAND, "its service is not known here: write an entry with `protocol` and `url`")
NO_URL: Rule = (Verdict.BY_HAND, "expected a URL without user and query in api_base: write this entry yourself")
LOST_URL: Rule = (
    Verdict.BY_HAND,
    "its address is in a variable, which `url` cannot name: write the entry; DRAGOMAN_PROVIDERS_NAME_URL sets it",
)
ANY_SERVICE: Rule = (Verdict.BY_HAND, "callers write PROVIDER/MODEL: dragoman has no patterns")
NO_GROUP = "expected the name of a group of model_list: write the targets into the route yourself"


class _Deployment(Struct, frozen=True):
    """A row of `model_list` that became a target."""

    node: Node
    target: str
    order: float


class _Import(Struct):
    """An import under way."""

    draft: Draft
    keyring: Keyring
    variables: Node
    """`environment_variables`."""
    credentials: dict[str, Node]
    """The rows of `credential_list` by their names."""
    entries: dict[tuple[object, ...], str] = field(default_factory=dict)
    """Service, URL, key and header fields to the entry that has them."""
    groups: dict[str, list[_Deployment]] = field(default_factory=dict)
    """What callers ask for, to what answers."""


def convert(text: str, in_clear: bool) -> Imported:
    """The configuration for dragoman. Raises ConfigurationError if `text` is no YAML."""
    root = tree(parse(text))
    done = _Import(Draft(), Keyring(follow, in_clear), root.at("environment_variables"), _credentials(root))
    for node in root.at("model_list").items():
        _deployment(done, node)
    _routes(done, root)
    _module(done, root.at("litellm_settings"))
    _general(done, root.at("general_settings"))
    root.at("router_settings").judge(ROUTING)
    for node in done.variables.entries():
        node.by_hand("set it in the environment of dragoman, if an entry names it")
    root.judge(TOP)
    return Imported(done.draft.text("LiteLLM"), root.ledger.close())


def _credentials(root: Node) -> dict[str, Node]:
    named = [(node.at("credential_name").value, node) for node in root.at("credential_list").items()]
    return {name: node for name, node in named if isinstance(name, str)}


def follow(text: str) -> Reference | None:
    """`os.environ/NAME`."""
    name = text.removeprefix(VARIABLE)
    if name == text:
        return None
    return Reference({"env": name}) if known_model(name) else Reference({}, "it names no variable")


def _deployment(done: _Import, node: Node) -> None:
    group, params = node.at("model_name"), node.at("litellm_params")
    named, custom = params.at("model"), params.at("custom_llm_provider")
    if not isinstance(named.value, str) or not isinstance(group.value, str):
        node.by_hand("expected model_name and litellm_params.model: write this entry yourself")
        return
    mode = node.at("model_info").at("mode").value
    other = isinstance(mode, str) and mode not in MODES
    if other or (named.value == MANY and not custom):
        node.ledger.settle(node.path, *(OTHER_MODE if other else ANY_SERVICE))
        return
    prefix, model = _split(named.value, custom.value)
    vertex = _vertex(params, model) if prefix in VERTEX_PREFIXES else None
    if (prefix not in SERVICES and vertex is None) or not known_model(model):
        node.ledger.settle(node.path, *CLOUDS.get(prefix, UNKNOWN))
        return
    service, model = _service(prefix, model) if vertex is None else (vertex[0], model)
    base = _own_or_shared(done, params, "api_base", "base_url")
    address = _variable(done, base)
    url = _url(address, service) if vertex is None else vertex[1]
    if prefix in CLOUDS and url in {"", NO_URL}:
        node.ledger.settle(node.path, *CLOUDS[prefix])
        return
    if not isinstance(url, str) or (service.needs_url and not url):
        node.ledger.settle(node.path, *(NO_URL if isinstance(url, str) else url))
        return
    if prefix == "openai" and url and service.type == "openai":
        service = at_home(CHAT, url)
    key = _own_or_shared(done, params, "api_key")
    fields = _fields(params)
    entry = _entry(done, prefix, key, (service, url), fields)
    take_headers(done.draft, done.keyring, entry, fields)
    _settle_shared(done, params, entry)
    base.exact(f"providers.{entry}.url")
    address.exact(f"providers.{entry}.url")
    if vertex is not None:
        for names in VERTEX_PLACE:
            params.at(*names).exact(f"providers.{entry}.url")
    if prefix in CLOUDS and not key:
        named.by_hand(f"models.{group.value}.targets; {NO_KEY.get(prefix, GCLOUD)}")
    custom.exact(f"providers.{entry}")
    _drop_params(params.at("drop_params"))
    params.judge(DEPLOYMENT)
    node.at("model_info").judge(MODEL_INFO)
    if MANY in model or MANY in group.value:
        _many(entry, named, group)
        return
    if not known_route(group.value):
        group.by_hand(f"expected a name without spaces: write a route to {entry}/{model} yourself")
        named.exact(f"{entry}/{model}")
        return
    order = params.at("order")
    placed = isinstance(order.value, int | float)
    order.exact("the order of the targets") if placed else order.by_hand("expected a number: sort the targets")
    target = done.draft.target(entry, model)
    if prefix in OTHER_VARIABLES and not (key or url):
        named.by_hand(f"models.{group.value}.targets; its key is read from {_variable_of(service)} here")
    named.exact(f"models.{group.value}.targets")
    done.groups.setdefault(group.value, []).append(_Deployment(group, target, order.value if placed else 0))


def _service(prefix: str, model: str) -> tuple[Service, str]:
    """The service, and its own name of the model."""
    if prefix in BY_RESPONSES and model.startswith("responses/"):
        return BY_RESPONSES[prefix], model.removeprefix("responses/")
    named = prefix == "azure" and model.startswith(SERIES)
    return SERVICES[prefix], model.partition("/")[2] if named else model


def _vertex(params: Node, model: str) -> tuple[Service, str] | None:
    """The service of a model in Vertex AI, and its `url`; None if one of them is not known."""
    service = next((each for start, each in VERTEX.items() if model.startswith(start)), None)
    project, location = (params.at(*names).value for names in VERTEX_PLACE)
    if service is None or EMBEDDING in model or not (isinstance(project, str) and isinstance(location, str)):
        return None
    known = PLACE.fullmatch(project) and PLACE.fullmatch(location)
    url = entry_url(vertex_url(project, location)) if known else None
    return None if url is None else (service, url)


def _own_or_shared(done: _Import, params: Node, *names: str) -> Node:
    """What a deployment says itself, or else the credential that it names."""
    own, shared = params.at(*names), done.credentials.get(str(params.at(CREDENTIAL).value))
    return own if own or shared is None else shared.at("credential_values").at(*names)


def _settle_shared(done: _Import, params: Node, entry: str) -> None:
    name = params.at(CREDENTIAL)
    shared = done.credentials.get(str(name.value))
    if shared is None:
        name.by_hand(f"expected a name of credential_list: set providers.{entry}.api_key")
        return
    name.exact(f"providers.{entry}")
    shared.at("credential_name").exact(f"providers.{entry}")
    shared.at("credential_info").impossible("an entry has no description")


def _fields(params: Node) -> dict[str, Node]:
    """The header fields that a deployment adds to its requests, by their names."""
    found = {node.name: node for name in ("headers", "extra_headers") for node in params.at(name).entries()}
    organization = params.at("organization")
    return {ORGANIZATION: organization, **found} if organization else found


def _split(model: str, custom: object) -> tuple[str, str]:
    """LiteLLM's name of the service, and the service's name of the model."""
    if isinstance(custom, str) and custom:
        return custom, model.removeprefix(f"{custom}/")
    prefix, slash, rest = model.partition("/")
    if slash:
        return prefix, rest
    return next((name for starts, name in FAMILIES if model.startswith(starts)), ""), model


def _url(base: Node, service: Service) -> str | Rule:
    """The entry's `url`, empty for the service's own; or why there is none."""
    value = base.value
    if not base or value is None or value == "":
        return ""
    if isinstance(value, str) and value.startswith(VARIABLE):
        return LOST_URL
    plain = shortened(service, value) if isinstance(value, str) else None
    url = entry_url(azure_url(plain) if plain is not None and service in AZURES else plain)
    return NO_URL if url is None else url


def _variable(done: _Import, node: Node) -> Node:
    """The node that has the value: one of `environment_variables`, if `node` names that."""
    if not isinstance(node.value, str) or not node.value.startswith(VARIABLE):
        return node
    return done.variables.at(node.value.removeprefix(VARIABLE)) or node


def _entry(done: _Import, name: str, key: Node, place: tuple[Service, str], fields: Mapping[str, Node]) -> str:
    """The entry of a service; deployments with the same address, key and header fields share one."""
    service, url = place
    reading = done.keyring.read(key.value if key else None, API_KEY)
    # An entry on its service's own host reads the key from the service's variable, whether it says so or not.
    usual = None if url else {"env": _variable_of(service)}
    secret = reading.value or (usual if reading.verdict is Verdict.EXACT else key.value)
    same = (service, url, repr(secret), repr({field: node.value for field, node in fields.items()}))
    if same not in done.entries:
        done.entries[same] = done.draft.entry(name, service, url)
    if reading.value is not None:
        done.draft.providers[done.entries[same]]["api_key"] = reading.value
    settle(key, reading, f"providers.{done.entries[same]}.api_key")
    return done.entries[same]


def _variable_of(service: Service) -> str:
    """The variable from which an entry without `api_key` has its key."""
    return catalogue()[service.type].key_variable if service.type else ""


def _many(entry: str, named: Node, group: Node) -> None:
    """A pattern of names: every entry takes any name, as ENTRY/MODEL."""
    if group.value == named.value == f"{entry}/{MANY}":
        words = f"callers write {entry}/MODEL"
        named.exact(words)
        group.exact(words)
        return
    words = f"callers write {entry}/MODEL, or a route for each name: dragoman has no patterns"
    named.by_hand(words)
    group.by_hand(words)


def _routes(done: _Import, root: Node) -> None:
    groups = {
        name: list(dict.fromkeys(each.target for each in sorted(members, key=lambda each: each.order)))
        for name, members in done.groups.items()
    }
    for name, members in done.groups.items():
        for each in members:
            if len(groups[name]) > 1:
                each.node.by_hand(f"models.{name}.targets: {BALANCE}")
            each.node.exact(f"models.{name}")
    after: dict[str, list[str]] = {}
    for settings in (root.at("router_settings"), root.at("litellm_settings")):
        for group, name in _fallbacks(settings, groups):
            after.setdefault(group, []).append(name)
    for name in groups:
        done.draft.route(name, [target for group in _reached(name, after) for target in groups[group]])
    for node in root.at("router_settings").at("model_group_alias").entries():
        _alias(done, node)


def _fallbacks(settings: Node, groups: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Pairs of a group and the one that is asked after it; settles their leaves."""
    for node in settings.at("fallbacks").items():
        for entry in node.entries():
            yield from ((entry.name, name) for name in _names(entry, groups) if entry.name in groups)
            entry.exact(f"models.{entry.name}.targets") if entry.name in groups else entry.by_hand(NO_GROUP)
    common = settings.at("default_fallbacks")
    for name in _names(common, groups):
        yield from ((group, name) for group in groups)
    common.exact("the last targets of each route")


def _names(node: Node, groups: Mapping[str, list[str]]) -> list[str]:
    """The groups in a list; what is no group is settled."""
    found = []
    for item in node.items():
        if isinstance(item.value, str) and item.value in groups:
            found.append(item.value)
        else:
            item.by_hand(NO_GROUP)
    if not isinstance(node.value, list):
        node.by_hand("expected a list of names: write the targets into the route yourself")
    return found


def _reached(name: str, after: Mapping[str, list[str]]) -> list[str]:
    """A group, then those that are asked after it, each with its own: the order in which LiteLLM asks them."""
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        group = waiting.pop()
        if group not in found:
            found[group] = None
            waiting += reversed(after.get(group, []))
    return list(found)


def _alias(done: _Import, node: Node) -> None:
    inner = node.at("model") if isinstance(node.value, dict) else node
    targets = done.draft.routes.get(inner.value) if isinstance(inner.value, str) else None
    if targets is None or not known_route(node.name) or node.name in done.draft.routes:
        node.by_hand("expected another name for a group of model_list: write the route yourself")
        return
    done.draft.route(node.name, targets)
    inner.exact(f"models.{node.name}")
    node.at("hidden").impossible("every route is listed")


def _module(done: _Import, node: Node) -> None:
    verbose = node.at("set_verbose", "debug")
    if isinstance(verbose.value, bool):
        if verbose.value:
            done.draft.gateway["log_level"] = "debug"
        verbose.exact("gateway.log_level")
    verbose.by_hand("expected true or false: set gateway.log_level")
    _drop_params(node.at("drop_params"))
    node.judge(MODULE)


def _drop_params(node: Node) -> None:
    if node.value is True:
        node.exact("what a service does not take is left out, and listed as a loss")
    node.by_hand("to refuse what a service does not take, set strict = true in the entry")


def _general(done: _Import, node: Node) -> None:
    key, size = node.at("master_key"), node.at("max_request_size_mb")
    if key and (value := done.keyring.take(key, API_KEY, "gateway.api_keys")) is not None:
        done.draft.gateway["api_keys"] = value if isinstance(value, Mapping) else [value]
    if isinstance(size.value, int) and 0 < size.value < LARGEST:
        done.draft.gateway["max_body"] = size.value << 20
        size.exact("gateway.max_body")
    size.by_hand("expected a whole number: set gateway.max_body, in bytes")
    node.judge(GENERAL)


LARGEST = 1 << 20
"""Megabytes of a request, as a limit: nobody means a million."""

LITELLM = Importer("litellm", "LiteLLM", convert)
