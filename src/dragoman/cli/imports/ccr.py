"""claude-code-router's config.json. https://github.com/musistudio/claude-code-router, seen 2026-11-26."""

import re
from collections.abc import Mapping
from ipaddress import ip_address

from dragoman.cli.imports.draft import Draft
from dragoman.cli.imports.importer import Imported, Importer
from dragoman.cli.imports.json_text import parse
from dragoman.cli.imports.keys import Keyring, Reference
from dragoman.cli.imports.ledger import Verdict
from dragoman.cli.imports.named import NamedImport
from dragoman.cli.imports.services import MESSAGES, RESPONSES, VERTEX_BY_HAND, Service, at_home, of_address
from dragoman.cli.imports.settings import entry_url, known_model, proxy
from dragoman.cli.imports.tree import Node, Rule, fits, tree
from dragoman.config.schema import API_KEY
from dragoman.config.value_types import Integer

VARIABLE = re.compile(r"\$(?:\{([A-Z_][A-Z0-9_]*)\}|([A-Z_][A-Z0-9_]*))")
"""What ccr replaces by a variable's value."""

NO_CHOICE = "dragoman does not choose a model by what a request holds; name one in the request"

ROLES: dict[str, Rule] = {
    "default": (Verdict.EXACT, "gateway.default_model, which `dragoman run claude` uses"),
    "background": (
        Verdict.BY_HAND,
        "the route `background` has it: tell Claude Code by ANTHROPIC_DEFAULT_HAIKU_MODEL=background",
    ),
    "think": (Verdict.BY_HAND, f"the route `think` has it, if you name that: {NO_CHOICE}"),
    "longContext": (Verdict.BY_HAND, f"the route `longContext` has it, if you name that: {NO_CHOICE}"),
    "webSearch": (Verdict.BY_HAND, f"the route `webSearch` has it, if you name that: {NO_CHOICE}"),
    "image": (Verdict.BY_HAND, f"the route `image` has it, if you name that: {NO_CHOICE}"),
}
"""What ccr chooses a model for."""

RULES: dict[str, Rule] = {
    "LOG": (Verdict.BY_HAND, "set gateway.request_log to a file, if you want a line for each request"),
    "API_TIMEOUT_MS": (
        Verdict.BY_HAND,
        "set `total`, in seconds, in [providers.NAME.timeouts]; without it, an answer may take 900 seconds",
    ),
    "NON_INTERACTIVE_MODE": (Verdict.EXACT, "`dragoman run claude -- -p …` needs no setting for it"),
    "CLAUDE_PATH": (Verdict.BY_HAND, "`dragoman run claude` takes the `claude` that is on the PATH"),
    "CUSTOM_ROUTER_PATH": (Verdict.IMPOSSIBLE, "dragoman runs no code that chooses a model"),
    "REWRITE_SYSTEM_PROMPT": (Verdict.IMPOSSIBLE, "dragoman changes no prompt"),
    "StatusLine": (Verdict.IMPOSSIBLE, "dragoman draws nothing into Claude Code"),
    "transformers": (Verdict.IMPOSSIBLE, "dragoman runs no transformers of your own"),
    "plugins": (Verdict.IMPOSSIBLE, "dragoman runs no plugins of ccr"),
    "forceUseImageAgent": (Verdict.IMPOSSIBLE, NO_CHOICE),
}

PORT = Integer(0, 65535)

LEVELS = {"fatal": "error", "error": "error", "warn": "warning", "info": "info", "debug": "debug", "trace": "debug"}

TRANSFORMERS: dict[str, Rule] = {
    "cleancache": (Verdict.EXACT, "marks for a cache go only to protocols that have them"),
    "reasoning": (Verdict.EXACT, "reasoning is carried by itself"),
    "maxtoken": (Verdict.BY_HAND, "let the caller set max_tokens; dragoman changes no limit of a request"),
    "sampling": (Verdict.BY_HAND, "let the caller set temperature and top_p; dragoman changes none"),
    "tooluse": (Verdict.IMPOSSIBLE, "dragoman makes no model call tools"),
    "enhancetool": (Verdict.IMPOSSIBLE, "dragoman does not mend arguments of tools"),
}
"""Transformers that do not belong to one service."""

DIALECTS: dict[str, Service] = {"anthropic": MESSAGES, "openai-responses": RESPONSES}
"""Transformers that say which protocol a service speaks; others are found by the address."""

REFUSED: dict[str, str] = {
    "gemini-cli": "it uses the account of another program",
    "qwen-cli": "it uses the account of another program",
    "rovo-cli": "it uses the account of another program",
}
"""Transformers of services that dragoman cannot call."""


CLOUDS: dict[str, str] = {"vertex-gemini": VERTEX_BY_HAND, "vertex-claude": VERTEX_BY_HAND}
"""Transformers of services whose address is not in the file, to what to do."""


def convert(text: str, in_clear: bool) -> Imported:
    """The configuration for dragoman. Raises ConfigurationError if `text` is no JSON."""
    root = tree(parse(text))
    done = NamedImport(Draft(), Keyring(follow, in_clear), {})
    for node in root.at("Providers", "providers").items():
        _provider(done, node)
    _router(done, root)
    _gateway(done, root)
    root.judge(RULES)
    for node in root.entries():
        if isinstance(node.value, str) and node.name.isupper():
            node.by_hand("if another value refers to it as a variable, set it in the environment of dragoman")
    return Imported(done.draft.text("claude-code-router"), root.ledger.close())


def follow(text: str) -> Reference | None:
    """`$NAME` and `${NAME}`; ccr replaces them inside of longer texts too."""
    found = VARIABLE.search(text)
    if found is None:
        return None
    if found[0] != text:
        return Reference({}, "a part of it is a variable, and dragoman takes only whole ones")
    return Reference({"env": found[1] or found[2]})


def _provider(done: NamedImport, node: Node) -> None:
    name, address = node.at("name"), node.at("api_base_url", "baseUrl")
    names = _transformers(node)
    if reason := next((REFUSED[each] for each in names if each in REFUSED), ""):
        node.impossible(reason)
        return
    if advice := next((CLOUDS[each] for each in names if each in CLOUDS), ""):
        node.by_hand(advice)
        return
    if not isinstance(name.value, str) or not name.value.strip() or name.value in done.entries:
        node.by_hand("expected a name that no other service has: write this entry yourself")
        return
    found = _service(address.value, names)
    url = entry_url(found[1]) if found else None
    if found is None or url is None:
        node.by_hand("its address does not say which protocol is spoken: write this entry yourself")
        return
    entry = done.draft.entry(name.value, found[0], url)
    done.entries[name.value] = entry
    settings = done.draft.providers[entry]
    where = f"providers.{entry}"
    address.exact(f"{where}.url")
    if entry == name.value:
        name.exact(where)
    else:
        name.by_hand(f"it is called {entry!r} here: callers write {entry}/MODEL")
    key = node.at("api_key", "apiKey")
    if key and (value := done.keyring.take(key, API_KEY, f"{where}.api_key")) is not None:
        settings["api_key"] = value
    models: list[str] = []
    for model in node.at("models").items():
        if known_model(model.value):
            models += [] if model.value in models else [model.value]
            model.exact(f"{where}.models")
        else:
            model.by_hand(f"expected the name of a model: write it into {where}.models")
    if models:
        settings["models"] = models
    if node.at("models").value == []:
        node.at("models").exact("none is listed here either: the service decides")
    _judge_transformers(node.at("transformer"), found[0])


def _service(address: object, names: list[str]) -> tuple[Service, str] | None:
    if not isinstance(address, str):
        return None
    found = of_address(address)
    if found is None and (plain := next((DIALECTS[name] for name in names if name in DIALECTS), None)):
        url = address.rstrip("/").removesuffix("/responses")
        return at_home(plain, url), url
    return found


def _transformers(node: Node) -> list[str]:
    uses = [
        use for part in (node.at("transformer"), *node.at("transformer").entries()) for use in part.at("use").items()
    ]
    return [_transformer(use).lower() for use in uses]


def _transformer(use: Node) -> str:
    """The name in `"name"` or `["name", {options}]`."""
    name = use.value[0] if isinstance(use.value, list) and use.value else use.value
    return name if isinstance(name, str) else ""


def _judge_transformers(node: Node, service: Service) -> None:
    for part in (node, *node.entries()):
        for use in part.at("use").items():
            name = _transformer(use).lower()
            if name in TRANSFORMERS:
                use.ledger.settle(use.path, *TRANSFORMERS[name])
            elif isinstance(use.value, list) and len(use.value) > 1:
                use.impossible("dragoman adds no fields to requests")
            elif name and (name in service.label or name in DIALECTS):
                use.exact("dragoman knows the ways of this service")
            else:
                use.by_hand("try the service without it: dragoman has no transformers, but knows many services")


def _router(done: NamedImport, root: Node) -> None:
    router, fallback = root.at("Router"), root.at("fallback")
    for name, rule in ROLES.items():
        first, others = router.at(name), list(fallback.at(name).items())
        targets = [target for node in (first, *others) if node and (target := _target(done, node))]
        if not targets:
            continue
        if name == "default" and len(targets) == 1:
            done.draft.gateway["default_model"] = targets[0]
        else:
            done.draft.route(name, targets)
            if name == "default":
                done.draft.gateway["default_model"] = name
        first.ledger.settle(first.path, *rule)
        fallback.at(name).exact(f"models.{name}.targets")
    router.at("longContextThreshold").impossible(NO_CHOICE)


def _target(done: NamedImport, node: Node) -> str:
    """`entry/model` for `service,model`; empty if there is none, and then it is settled."""
    service, _, model = node.value.partition(",") if isinstance(node.value, str) else ("", "", "")
    entry = done.entries.get(service.strip())
    if entry is None or not known_model(model.strip()):
        node.by_hand("expected SERVICE,MODEL with a service that was imported: write the route yourself")
        return ""
    return done.draft.target(entry, model.strip())


def _gateway(done: NamedImport, root: Node) -> None:
    settings = done.draft.gateway
    key, host, port, level = root.at("APIKEY"), root.at("HOST"), root.at("PORT"), root.at("LOG_LEVEL")
    if key and (value := done.keyring.take(key, API_KEY, "gateway.api_keys")) is not None:
        settings["api_keys"] = value if isinstance(value, Mapping) else [value]
    _host(host, settings)
    if port and fits(PORT, port.value):
        settings["port"] = port.value
        port.exact("gateway.port")
    port.by_hand("expected a number from 0 to 65535: set gateway.port")
    if isinstance(level.value, str) and level.value in LEVELS:
        settings["log_level"] = LEVELS[level.value]
        level.exact("gateway.log_level")
    proxy(root.at("PROXY_URL", "HTTPS_PROXY", "https_proxy", "httpsProxy"), done.keyring, settings)


def _host(node: Node, settings: dict[str, object]) -> None:
    if not node:
        return
    try:
        local = node.value == "localhost" or (isinstance(node.value, str) and ip_address(node.value).is_loopback)
    except ValueError:
        node.by_hand("expected an address: set gateway.host")
        return
    if local or (isinstance(node.value, str) and "api_keys" in settings):
        settings["host"] = node.value
        node.exact("gateway.host")
    else:
        node.by_hand("set gateway.host once gateway.api_keys is set: without a key only this machine may call")


CCR = Importer("ccr", "claude-code-router", convert)
