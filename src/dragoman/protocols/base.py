"""What a dialect is: the seams that every protocol here fills. Knows no vendor."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Hashable, Iterable, Mapping, Sequence
from enum import Enum
from functools import partial
from typing import Any, ClassVar

from msgspec.structs import replace

from dragoman.errors import DragomanError
from dragoman.protocols.compaction import EXPRESSED, asked_by, with_told_summaries
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.env import Env
from dragoman.protocols.leading_system import lost_details, with_leading_system
from dragoman.protocols.losses import losses, speech_of
from dragoman.protocols.opaque import carrying, without_foreign
from dragoman.protocols.operations import CountClient, EmbedClient, KeptClient
from dragoman.protocols.plain_requests import plain_settings
from dragoman.protocols.profiles import (
    Compilers,
    changes,
    fitted,
    supported,
    supported_form,
    untaken,
    untaken_together,
    with_limit,
    with_stops,
    without_neutral,
)
from dragoman.protocols.prompt_regions import (
    PromptBeginning,
    PromptRegions,
    RegionFields,
    read_beginning,
    read_regions,
)
from dragoman.protocols.reasoning import as_taken, changed_name
from dragoman.protocols.relay import NOT_RELAYED, RelayCodec, RelayReader
from dragoman.protocols.speech import ANYWHERE, DEVELOPER, OURS
from dragoman.protocols.tools import cut_calls
from dragoman.protocols.tools.call_ids import CallIdForm, with_call_ids, with_distinct_ids
from dragoman.protocols.tools.deferred import DEFERS, with_loaded
from dragoman.protocols.tools.names import NameForm
from dragoman.protocols.tools.paired_calls import Pairing, with_pairs, with_unanswered
from dragoman.protocols.tools.schema.cache import FORMS, OUTPUTS, SCHEMAS
from dragoman.protocols.tools.schema.compiler import CompiledSchema
from dragoman.protocols.tools.search import RESULTS
from dragoman.protocols.wordless import without_wordless
from dragoman.types import (
    AnyPart,
    ChangedField,
    ChatRequest,
    ChatResponse,
    Extra,
    Headers,
    HttpRequest,
    HttpResponse,
    Loss,
    ModelProfile,
    OpaqueState,
    SchemaSupport,
    ServerRequest,
    ServerResponse,
    StreamEvent,
)
from dragoman.wire.steps import Steps

Preliminaries = Generator[HttpRequest, HttpResponse, HttpRequest]
"""Preliminary requests: each is yielded, its reply is sent in, and the chat request itself is returned."""


CUT = ("max_output_tokens", "stop")
"""Fields of which a part may arrive."""

ORDER = frozenset({ANYWHERE, DEVELOPER})
BESIDE_FUNCTIONS = frozenset(
    {"tool.grammar", "tool.namespace", "tool.namespace_description", "tool_call.namespace", RESULTS}
)
"""What only those models have that know more than functions."""

NO_SCHEMAS = Compilers(partial(SCHEMAS.compiled, support=SchemaSupport()))
"""For requests without a schema: nothing is compiled."""


class ClientCodec(ABC):
    """The half that calls a service."""

    name: ClassVar[str]
    expresses: frozenset[str]
    """The fields of ChatRequest, and the kinds of parts, that this protocol has; see `losses`."""
    family: ClassVar[str] = ""
    """A key of `extra` whose fields several protocols take in the same form; empty if there is none."""
    relay: RelayCodec | None = None
    """How requests of this protocol are relayed; None if they are always translated. See `relay_for`."""
    embeddings: EmbedClient | None = None
    """How the service is asked for embeddings; None if the protocol has none."""
    counter: CountClient | None = None
    """How the service is asked to count tokens; None if the protocol has no such thing."""
    kept: KeptClient | None = None
    """How the service is asked for answers that it keeps; None if the protocol has no such thing."""
    error_types: frozenset[str] = frozenset({"text/html"})
    """Media types that no valid answer of this protocol has: such a reply is an error, whatever its status."""
    refused: frozenset[str] = frozenset()
    """What of the protocol the service refuses: it is left out of requests. `expresses` does not have it."""
    schema_support: SchemaSupport = SchemaSupport()
    """What the protocol takes of JSON Schema in the parameters and the results of tools."""
    form_support: SchemaSupport = SchemaSupport()
    """The same for the form of an answer."""
    tool_names: ClassVar[NameForm | None] = None
    """The names of tools that the service takes; None: any."""
    lists: ClassVar[frozenset[str]] = frozenset()
    """Header fields of requests that are lists: what a caller and a configuration name goes out together."""
    beta_field: ClassVar[str] = ""
    """The header field of those in which callers ask for betas, in lower case; empty if there is none. See `betas`."""
    call_ids: ClassVar[Mapping[str | None, CallIdForm]] = {}
    """The ids of calls that models take in this protocol, by their profile's word for it; others take any."""
    pairing: ClassVar[Pairing | None] = None
    """Where results must come; None: services take calls without them, and results anywhere."""
    strict_forms: ClassVar[bool] = False
    """Whether the form of an answer is held to a part of JSON Schema only if it is `strict`."""
    effort_alone: bool = False
    """Whether an effort is all that the service is sent of thinking, in the place of a number of tokens too."""

    most_stops: int | None = None
    """How many texts may end an answer (`stop`); None: any number."""
    blank_stops: ClassVar[bool] = True
    """Whether such a text may be empty or white space."""

    def relay_for(self, protocol: str) -> RelayCodec | None:
        """How requests in `protocol` (see `ServerCodec.relay_name`) are relayed; None if they are translated."""
        relay = self.relay
        return relay if relay is not None and relay.name == protocol else None

    def compacts(self, request: ChatRequest) -> bool:
        """Whether the service itself gives the summary that `request` asks for, if it asks for one."""
        return EXPRESSED in self.expresses and asked_by(request) in {None, self.name}

    def keeps(self, extra: Extra) -> bool:
        """Whether the schema of a tool or a form with these further fields came in this protocol.

        Then it goes back as it came, although the service takes less.
        """
        return False

    def takes_schemas(self, profile: ModelProfile) -> SchemaSupport:
        """What models of `profile` take of JSON Schema in the schemas of tools, said by this protocol."""
        return supported(profile, self.schema_support)

    def untaken(self, profile: ModelProfile) -> frozenset[str]:
        """What of `expresses` models of `profile` do not take."""
        return untaken(profile)

    def origin(self, model: str) -> str | None:
        """Whose opaque state `model` of this service can read; see `opaque`. None: only what it wrote itself."""
        return None

    def vouched(self, request: ChatRequest) -> ChatRequest:
        """`request`, in which parts without state get one of this service, if it takes such parts as its own."""
        return request

    def carrying(self, request: ChatRequest, homes: frozenset[str]) -> ChatRequest:
        """`request` for a gateway like this one: with the marked state of other services, as its callers send it.

        `homes`: those whose state it must not get; see `opaque`.
        """
        return carrying(request, self.name, self.origin(request.model), self.carried, homes)

    def carried(self, part: AnyPart, state: OpaqueState, written: str | None) -> tuple[AnyPart, ...]:
        """`part` with its `state`, which another service wrote, in the form that callers of this protocol have.

        `written`: the origin of what the service wrote. The part as it is if the protocol has no place for it.
        """
        return (part,)

    def expressed(self, profile: ModelProfile) -> frozenset[str]:
        """What of `expresses` models of `profile` have."""
        lacked = ORDER if profile.system_anywhere is False else frozenset()
        lacked |= BESIDE_FUNCTIONS if profile.freeform_tools is False else frozenset()
        return self.expresses - lacked if lacked else self.expresses

    def changed(self, request: ChatRequest) -> Iterable[Loss]:
        """What of `request` arrives as something near it, as a rule of this protocol."""
        return ()

    def takes_whole(self, request: ChatRequest, profile: ModelProfile) -> bool:
        """Whether a glance shows that `request` has no losses and that `fit` changes nothing; see `plain_requests`."""
        settings = plain_settings(request)
        if settings is None or not settings <= self.expresses or (request.extra and self._minds(request)):
            return False
        return self._untaken(request, profile).isdisjoint(settings) and self._within(request, profile) is request

    def _minds(self, request: ChatRequest) -> bool:
        """Whether further fields of `request` are for this service, or lost on the way to it."""
        if not request.extra.keys().isdisjoint({self.name, self.family, OURS}):
            return True
        speech = speech_of(self.expresses, self.name, self.family, request.silent)
        return any(True for _ in speech.others(request.extra))

    def losses(self, request: ChatRequest, profile: ModelProfile) -> tuple[Loss, ...]:
        """What of `request` a model of `profile` will not get, or will get in another form."""
        thought = self._with_effort(request, profile)
        untaken = self._untaken(thought, profile)
        lost = losses(
            without_neutral(request, untaken),
            self.expressed(profile),
            self.name,
            untaken,
            family=self.family,
            origin=self.origin(request.model),
        )
        sent = request if "tools" in self.expresses else replace(request, tools=())
        compilers = self._compilers(request, profile)
        cut = () if self._takes_cut_calls() else cut_calls.changed(request)
        lost = (*lost, *cut, *self.changed(thought))
        if profile.system_anywhere is False:
            known = {loss.name for loss in lost}
            lost = (*lost, *(detail for detail in lost_details(request) if detail.name not in known))
        if request.reasoning is not None and thought is not request:
            changed = ChangedField(changed_name(request.reasoning))
            lost = lost if any(loss.name == changed.name for loss in lost) else (*lost, changed)
        if (within := self._within(request, profile)) is not request:
            known = {loss.name for loss in lost}
            less = [name for name in CUT if getattr(within, name) != getattr(request, name) and name not in known]
            lost = (*lost, *map(ChangedField, less))
        if self.pairing is not None:
            lost = with_unanswered(lost, request, self.pairing)
        return (*lost, *changes(sent, profile, compilers, self.keeps))

    def fit(self, request: ChatRequest, profile: ModelProfile) -> ChatRequest:
        """`request` as a model of `profile` takes it: without what `losses` names for that reason."""
        request = without_foreign(request, self.name, self.origin(request.model))
        request = with_told_summaries(without_wordless(request, self.name), self.name)
        request = with_leading_system(request, profile)
        if not self._loads_later(request, profile):
            request = with_loaded(request)
        request = self._with_effort(self._within(request, profile), profile)
        if not self._takes_cut_calls():
            request = cut_calls.with_complete_calls(request)
        request = with_distinct_ids(request)
        if self.pairing is not None:
            request = with_pairs(request, self.pairing)
        if (form := self.call_ids.get(profile.call_ids)) is not None:
            request = with_call_ids(request, form)
        left_out = self._untaken(request, profile) | self.refused
        return fitted(request, left_out, self._compilers(request, profile), self.keeps)

    def efforts_for(self, model: str, profile: ModelProfile) -> Sequence[str] | None:
        """The only efforts of thinking that the service takes for `model`; None: any."""
        return profile.efforts

    def most_output_for(self, model: str, profile: ModelProfile) -> int | None:
        """The most tokens that the service lets a request allow for the answer of `model`; None: any number."""
        return profile.most_output

    def _loads_later(self, request: ChatRequest, profile: ModelProfile) -> bool:
        """Whether the service loads tools when the model looks for them."""
        return DEFERS in self.expresses

    def _with_effort(self, request: ChatRequest, profile: ModelProfile) -> ChatRequest:
        """`request` with an effort of thinking that the model takes; the same object if it takes what is asked for."""
        config = request.reasoning
        if config is None:
            return request
        new = as_taken(config, self.efforts_for(request.model, profile), alone=self.effort_alone)
        return request if new is config else replace(request, reasoning=new)

    def _within(self, request: ChatRequest, profile: ModelProfile) -> ChatRequest:
        """`request` that says no more than is taken of what ends an answer; the same object if it does not anyway."""
        most = self.most_output_for(request.model, profile)
        return with_stops(with_limit(request, most), self.most_stops, blank=self.blank_stops)

    def _takes_cut_calls(self) -> bool:
        """Whether nothing must become of a call whose arguments are not complete."""
        return cut_calls.SAYABLE in self.expresses or "tool_call" not in self.expresses

    def _untaken(self, request: ChatRequest, profile: ModelProfile) -> frozenset[str]:
        """What `untaken` gives, and fields of `request` that the models do not take together."""
        found, together = self.untaken(profile), untaken_together(request, profile)
        return found | together if together else found

    def _compilers(self, request: ChatRequest, profile: ModelProfile) -> Compilers:
        if not request.tools and request.response_format is None:
            return NO_SCHEMAS
        support = self.takes_schemas(profile)
        return Compilers(
            partial(SCHEMAS.compiled, support=support),
            partial(OUTPUTS.compiled, support=support) if "tool.output" in self.expresses else None,
            self._compile_form(request, profile) if "response_format" in self.expresses else None,
        )

    def _compile_form(self, request: ChatRequest, profile: ModelProfile) -> Callable[[Any], CompiledSchema] | None:
        form = request.response_format
        if form is None or form.schema is None or (self.strict_forms and not form.strict):
            return None
        return partial(FORMS.compiled, support=supported_form(profile, self.form_support))

    @abstractmethod
    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest | Preliminaries:
        """The request on the wire; `fit` comes first. Raises InvalidRequestError if the protocol cannot express it."""

    @abstractmethod
    def decoder(self, request: ChatRequest) -> Decoder:
        """A new decoder for the answer to `request`."""

    @abstractmethod
    def decode_error(self, reply: HttpResponse) -> DragomanError:
        """The error that a reply without an answer means."""


class Encoder(ABC):
    """Bytes for a caller from events."""

    status: int = 200
    headers: Headers = ()
    heartbeat: bytes = b""
    """Bytes without a meaning, sent when the service is silent; empty if the protocol has no such thing."""

    @abstractmethod
    def send(self, events: Sequence[StreamEvent]) -> bytes:
        """The bytes of a batch; may be empty.

        Raises a DragomanError at the end of an answer that this protocol would misrepresent: `fail` comes next.
        """

    @abstractmethod
    def fail(self, error: DragomanError) -> bytes:
        """The bytes that report that the answer broke off here; empty if the protocol cannot say that."""


class EventIdForm(Enum):
    """How callers of a protocol can say which event of a stream they had last."""

    NONE = "not at all: it has no server-sent events"
    COUNTED = "they count the events: their vendor's program fails at a line with an id"
    LINES = "by an id, in a line of its own that programs pass over"


class ServerCodec(ABC):
    """The half that a program calls."""

    name: ClassVar[str]
    expresses: ClassVar[frozenset[str]]
    """What an answer of this protocol can say: kinds of parts, and names of facts that `answer_losses` looks for."""
    family: ClassVar[str] = ""
    """See ClientCodec; of answers."""
    id_header: ClassVar[str] = ""
    """The header in which callers of this protocol look for a request's id; empty if it is `x-request-id` or none."""
    region_fields: ClassVar[RegionFields | None] = None
    """Where a request has what a service may cache; None: this protocol is for texts that nobody caches."""

    event_ids: ClassVar[EventIdForm] = EventIdForm.NONE
    """How a stream that was lost can be resumed."""

    tells_time: ClassVar[bool] = False
    """Whether an answer says how long it took: only then `Env.asked_at` is given."""

    reader: RelayReader = NOT_RELAYED
    """Reads requests that may be relayed."""
    relay_name: ClassVar[str] = ""
    """The name of the relay for these requests, if it is another than `name`; see `ClientCodec.relay_for`."""

    def public_id(self, event: bytes) -> str:
        """The id of an answer by which callers may ask for its stream, which the first event says; empty: none."""
        return ""

    def position(self, event: bytes) -> int | None:
        """The protocol's own number of an event; None if it has none."""
        return None

    def regions(self, call: ServerRequest) -> PromptRegions | None:
        """What of a request a service may cache; None if not all of it can be known from the request."""
        return None if self.region_fields is None else read_regions(call.body, self.region_fields)

    def beginning(self, call: ServerRequest) -> Steps[PromptBeginning | None]:
        """The beginning of the prompt of a request, which is the same in each turn of a conversation; None: unknown."""
        if self.region_fields is None:
            return None
        return (yield from read_beginning(call.body, self.region_fields))

    @abstractmethod
    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        """What the caller asks. Raises a RequestError, or AuthenticationError.

        `key_shown`: the caller has shown a key of the gateway, and need not show a password of the protocol's own.
        """

    @abstractmethod
    def encode_response(self, response: ChatResponse, request: ChatRequest, env: Env) -> ServerResponse:
        """A whole answer, for a caller who did not ask for a stream."""

    @abstractmethod
    def encoder(self, request: ChatRequest, env: Env) -> Encoder:
        """A new encoder for a streamed answer."""

    def first_heartbeat(self, call: ServerRequest) -> bytes | None:
        """The heartbeat while nothing of the answer to `call` has been sent, if it must be another one then."""
        return None

    def encode_stream_error(self, error: DragomanError) -> bytes:
        """The last bytes of a stream that broke off; empty if the protocol cannot say that."""
        return b""

    @abstractmethod
    def encode_error(self, error: DragomanError) -> ServerResponse:
        """The response that reports `error` in place of an answer."""

    def error_form(self, call: ServerRequest) -> Hashable:
        """What the form of an error depends on besides the error. Calls with equal forms get equal responses."""
        return None

    def refusal(self, call: ServerRequest, error: DragomanError) -> ServerResponse:
        """The response to `call` that reports `error`, in the form that it expects."""
        return self.encode_error(error)
