"""The table of faults: what a service does, when, and what must come of it. Each cell is made from one row."""

from tests.faults.dialects import TEXT, empty, failed, in_band, reply, without_counts, wordless
from tests.faults.fates import (
    AT_END,
    BAD,
    BEFORE,
    BROKE,
    CONNECT,
    CUTS,
    END,
    HTML,
    IDLE,
    IN_HEADERS,
    LATE,
    MID_STREAM,
    NO_REPLY,
    TAIL,
    TLS,
    TOO_LARGE,
    TRUNCATED,
    UNCOUNTED,
    UNREACHED,
    WAIT_FIRST_EVENT,
    WAIT_HEADERS,
    WELL,
    WORDS_ONLY,
    WRITE_REQUEST,
    at,
)
from tests.faults.fault import EVENTS, STREAMED, Fails, Fates, Fault, Well, document, frame, head
from tests.faults.h2_faults import H2_FAULTS
from tests.faults.making import (
    JSON,
    PAGE,
    SMALL,
    WORDS,
    changed,
    cut,
    event,
    headed,
    in_place,
    instead,
    line_ends,
    packed,
    ping,
    pings,
    put,
    reading,
    replaced,
    sized,
    until_close,
)
from tests.faults.statuses import STATUS_FAULTS
from tests.faults.ways import WAY_FAULTS
from tests.faults.wire import Drip, Fin, Rst, Script, Stall, Wait

WORDLESS: dict[str, Fates] = {
    "gemini": {WAIT_HEADERS: BAD},
    "ollama": {WAIT_HEADERS: TRUNCATED},
}
"""Not every dialect has failures that are nothing but words."""

NOT_YOURS = b'{"error":{"message":"This is not yours."}}'

CONNECTING = (
    Fault("refused", {CONNECT: UNREACHED}, cut()),
    Fault("black hole", {CONNECT: LATE}, cut(), hasty=True),
    Fault("unknown authority", {TLS: Fails("tls_error")}, cut(), tls="unknown"),
    Fault("certificate of another host", {TLS: Fails("tls_error")}, cut(), tls="elsewhere"),
    Fault("expired certificate", {TLS: Fails("tls_error")}, cut(), tls="expired"),
    Fault("stalls in the handshake", {TLS: LATE}, cut(), hasty=True, tls="stall"),
    Fault("closes in the handshake", {TLS: Fails("tls_error")}, cut(), tls="fin"),
    Fault("answers without TLS", {TLS: Fails("tls_error")}, cut(), tls="plain"),
)

CONNECTION = (
    Fault("RST", {**CUTS, WRITE_REQUEST: NO_REPLY}, cut(Rst()), but=UNCOUNTED),
    Fault(
        "FIN", {phase: fate for phase, fate in CUTS.items() if phase is not WRITE_REQUEST}, cut(Fin()), but=UNCOUNTED
    ),
    Fault("RST in a large request", {WRITE_REQUEST: NO_REPLY}, reading(1000, Rst()), large=True),
    Fault("FIN in a large request", {WRITE_REQUEST: NO_REPLY}, reading(1000, Fin()), large=True),
    Fault("does not read a large request", {WRITE_REQUEST: LATE}, reading(1000, Stall()), large=True, hasty=True),
    Fault(
        "stall",
        {**at(WAIT_HEADERS, IN_HEADERS, *BEFORE, fate=LATE), END: WELL},
        cut(Stall()),
        whole=at(WAIT_HEADERS, IN_HEADERS, *BEFORE, fate=LATE),
        hasty=True,
        but=UNCOUNTED,
    ),
    Fault("delay", at(WAIT_HEADERS, IN_HEADERS, *BEFORE, END, fate=WELL), put(lambda good, phase: (Wait(0.02),))),
    Fault(
        "drip",
        at(WAIT_HEADERS, MID_STREAM, fate=WELL),
        lambda good, phase: Script(
            (*good.before(phase), Drip(b"".join(s for s in good.after(phase) if isinstance(s, bytes)), 5))
        ),
    ),
    Fault(
        "signs of life and nothing else",
        at(WAIT_FIRST_EVENT, MID_STREAM, fate=LATE),
        put(pings),
        uses=("stream",),
        hasty=True,
    ),
    Fault(
        "drip that never ends",
        {MID_STREAM: LATE},
        cut(Drip(b"fff\r\n" + b" " * 4000, 1, 0.01)),
        uses=("stream",),
        hasty=True,
    ),
    Fault(
        "drip of a document that never ends",
        at(WAIT_FIRST_EVENT, MID_STREAM, fate=LATE),
        sized(4000, Drip(b" " * 4000, 1, 0.01)),
        uses=("whole",),
        hasty=True,
    ),
    Fault("RST as the next request comes", {IDLE: WELL}, lambda good, phase: Script(good.whole, again=(Rst(),))),
    Fault("FIN as the next request comes", {IDLE: WELL}, lambda good, phase: Script(good.whole, again=(Fin(),))),
    Fault("FIN after the answer", {IDLE: WELL}, lambda good, phase: Script((*good.whole, Fin()))),
    Fault("RST after the answer", {IDLE: WELL}, lambda good, phase: Script((*good.whole, Wait(0.002), Rst()))),
    Fault(
        "bytes that nobody asked for",
        {IDLE: WELL},
        lambda good, phase: Script((*good.whole, b"HTTP/1.1 408 Idle\r\n\r\n")),
    ),
    Fault(
        "an answer that nobody asked for",
        {IDLE: WELL},
        lambda good, phase: Script((*good.whole, *document(JSON, NOT_YOURS, status="401 Unauthorized"))),
    ),
    Fault(
        "half a head as the next request comes",
        {IDLE: NO_REPLY},
        lambda good, phase: Script(good.whole, again=(good.head[:30], Fin())),
    ),
)

HEADS = (
    Fault(
        "garbage in place of a head",
        {WAIT_HEADERS: BAD},
        instead(lambda good: (b"\x15\x03\x01\x00\x02\x02\x0a\r\n\r\n", Fin())),
    ),
    Fault("HTTP/0.9", {WAIT_HEADERS: BAD}, instead(lambda good: (b"<p>hi</p>\n", Fin()))),
    Fault("a head that is too large", {WAIT_HEADERS: TOO_LARGE}, headed("x-large: " + "x" * 70_000)),
    Fault("too many fields", {WAIT_HEADERS: TOO_LARGE}, headed(*(f"x-{n}: 1" for n in range(101)))),
    Fault(
        "too many early hints",
        {WAIT_HEADERS: TOO_LARGE},
        instead(lambda good: (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20, *good.whole)),
    ),
    Fault(
        "an early hint", {WAIT_HEADERS: WELL}, instead(lambda good: (b"HTTP/1.1 103 Early Hints\r\n\r\n", *good.whole))
    ),
    Fault(
        "two lengths",
        {WAIT_HEADERS: BAD},
        instead(lambda good: (head(good.reply.media_type, "content-length: 5", "content-length: 7"), b"12345", Fin())),
    ),
    Fault(
        "a length that is none",
        {WAIT_HEADERS: BAD},
        instead(lambda good: (head(good.reply.media_type, "content-length: -5"), b"12345", Fin())),
    ),
    Fault(
        "a length and chunks",
        {WAIT_HEADERS: BAD},
        instead(
            lambda good: (
                head(good.reply.media_type, "content-length: 5", "transfer-encoding: chunked"),
                b"5\r\n12345\r\n0\r\n\r\n",
                Fin(),
            )
        ),
    ),
    Fault("a line break in a field", {WAIT_HEADERS: BAD}, headed("x-odd: a\rb")),
    Fault(
        "answers before the request is whole",
        {WRITE_REQUEST: Fails("invalid_request", 413)},
        reading(
            1000,
            *document(JSON, b'{"error":{"message":"too large"}}', "connection: close", status="413 Too Large"),
            Fin(),
        ),
        large=True,
    ),
)

BODIES = (
    Fault("short body", {**at(*BEFORE, fate=TRUNCATED), END: WELL}, sized(50, Fin()), but=UNCOUNTED),
    Fault(
        "extra body",
        {END: WELL},
        lambda good, phase: Script(
            (
                head(good.reply.media_type, f"content-length: {sum(map(len, good.reply.pieces))}"),
                *good.reply.pieces,
                b"more",
            )
        ),
        uses=("stream", "whole"),
    ),
    Fault("until close, cut short", {**at(*BEFORE, fate=TRUNCATED), END: WELL}, until_close(Fin()), but=UNCOUNTED),
    Fault(
        "missing terminator",
        {**at(*BEFORE, fate=TRUNCATED), END: WELL},
        lambda good, phase: Script((*good.before(phase), good.end)),
        but=UNCOUNTED,
        uses=("stream",),
    ),
    Fault("no last chunk", {END: WELL}, lambda good, phase: Script((good.head, *good.frames, Fin())), uses=("stream",)),
    Fault(
        "a chunk's size is none",
        {**at(*BEFORE, fate=BAD), END: WELL},
        cut(b"zz\r\nhello\r\n", Fin()),
        uses=("stream",),
        but=UNCOUNTED,
    ),
    Fault(
        "a chunk without its end",
        {**at(*BEFORE, fate=BAD), END: WELL},
        cut(b"2\r\n: no end\r\n", Fin()),
        uses=("stream",),
        but=UNCOUNTED,
    ),
    Fault(
        "a chunk with a large extension",
        at(*BEFORE, fate=TOO_LARGE),
        cut(b"2;x=" + b"x" * 200_000, Stall()),
        uses=("stream",),
    ),
    Fault("empty body", {WAIT_FIRST_EVENT: TRUNCATED}, instead(lambda good: document(good.reply.media_type, b""))),
    Fault("gzip", {WAIT_HEADERS: WELL}, packed()),
    Fault("gzip that is none", {WAIT_HEADERS: BAD}, packed(plain=True)),
    Fault("gzip cut short", {WAIT_HEADERS: TRUNCATED}, packed(upto=0.3)),
    Fault("gzip bomb", {WAIT_HEADERS: TOO_LARGE}, packed(bomb=True)),
    Fault("an unknown coding", {WAIT_HEADERS: BAD}, packed(name="snappy")),
    Fault("two codings", {WAIT_HEADERS: BAD}, packed(name="gzip, gzip")),
)

CONTENT = (
    Fault(
        "binary garbage",
        at(*BEFORE, fate=AT_END),
        put(lambda good, phase: (frame(b"\x00\x9f\xff\xfe\x01garbage\n\n"),)),
        uses=("stream",),
        but={
            "gemini": at(*BEFORE, fate=Fails("upstream_bad_event", at_end=True)),
            "openai-responses": at(*BEFORE, fate=WELL),  # the event that ends it repeats all that was said
            "ollama": at(*BEFORE, fate=BAD),
        },
    ),
    Fault(
        "bad JSON",
        at(*BEFORE, fate=BAD),
        event('{"id": "x", "choi'),
        uses=("stream",),
        but={"ollama": {WAIT_FIRST_EVENT: TRUNCATED}},
    ),
    Fault(
        "bad JSON in a document",
        {MID_STREAM: BAD},
        lambda good, phase: Script(document(JSON, b"".join(good.reply.pieces).replace(b'":', b'";'))),
        uses=("whole",),
        but_whole={"ollama": {MID_STREAM: TRUNCATED}},
    ),
    Fault("deep JSON", {MID_STREAM: BAD}, event("[" * 100_000), uses=("stream",)),
    Fault("bad UTF-8", {MID_STREAM: Well("Gr\ufffdüße aus Köln, 世界 is wide.")}, replaced(b"Gr", b"Gr\xff")),
    Fault(
        "separators inside of text",
        {MID_STREAM: Well("".join(TEXT).replace("wide", "wi\u2028\u2029\u0085de"))},
        replaced(b"wide", "wi\u2028\u2029\u0085de".encode()),
    ),
    Fault(
        "HTML in mid-stream",
        at(*BEFORE, fate=HTML),
        put(lambda good, phase: (frame(PAGE + b"\n\n"),)),
        uses=("stream",),
        but={"ollama": at(MID_STREAM, TAIL, fate=BAD)},
    ),
    Fault(
        "an error in the stream",
        at(*BEFORE, fate=BROKE),
        put(lambda good, phase: (frame(in_band(good.dialect)),)),
        uses=("stream",),
    ),
    Fault(
        "an error in the stream, then FIN",
        at(*BEFORE, fate=BROKE),
        lambda good, phase: Script((*good.before(phase), frame(in_band(good.dialect)), Fin())),
        uses=("stream",),
    ),
    Fault(
        "an error with status 200",
        {WAIT_FIRST_EVENT: BROKE},
        instead(lambda good: document(JSON, failed(good.dialect, 500, WORDS))),
    ),
    Fault(
        "a giant line",
        at(*BEFORE, fate=TOO_LARGE),
        put(lambda good, phase: (good.event("x" * SMALL),)),
        uses=("stream",),
        small=True,
    ),
    Fault(
        "a giant document",
        {MID_STREAM: TOO_LARGE},
        lambda good, phase: Script(document(JSON, b"".join(good.reply.pieces) + b" " * SMALL)),
        uses=("whole",),
        small=True,
    ),
    Fault("empty answer", {WAIT_FIRST_EVENT: Fails("empty_answer")}, in_place(empty)),
    Fault("empty text", {WAIT_FIRST_EVENT: Fails("empty_answer")}, in_place(wordless)),
    Fault(
        "words in place of an answer",
        {WAIT_HEADERS: WORDS_ONLY},
        instead(lambda good: document("text/plain", b"Service is fine.")),
        but=WORDLESS,
        but_whole=WORDLESS,
    ),
    Fault(
        "a document in place of a stream",
        {WAIT_HEADERS: WELL},
        lambda good, phase: Script(document(JSON, b"".join(reply(good.dialect, stream=False).pieces))),
        uses=("stream",),
    ),
    Fault(
        "signs of life", {**at(*BEFORE, fate=WELL), END: WELL}, put(lambda good, phase: (ping(good),)), uses=("stream",)
    ),
    Fault("CRLF", {MID_STREAM: WELL}, lambda good, phase: line_ends(good, b"\r\n"), uses=("stream",)),
    Fault("lone CR", {MID_STREAM: WELL}, lambda good, phase: line_ends(good, b"\r"), uses=("stream",), dialects=EVENTS),
    Fault(
        "BOM",
        {WAIT_FIRST_EVENT: WELL},
        changed(lambda pieces: (b"\xef\xbb\xbf" + pieces[0], *pieces[1:])),
        uses=("stream",),
    ),
    Fault("no counts", {TAIL: Well(tokens=None)}, changed(without_counts)),
    Fault(
        "counts twice",
        {END: WELL},
        changed(lambda pieces: (*pieces[:-2], pieces[-2], pieces[-2], pieces[-1])),
        uses=("stream",),
        dialects=frozenset({"openai-chat"}),
    ),
    Fault(
        "the end twice",
        {END: WELL},
        changed(lambda pieces: (*pieces, pieces[-1])),
        uses=("stream",),
        dialects=STREAMED - {"gemini"},
    ),
    Fault(
        "text after the end",
        {END: WELL},
        lambda good, phase: Script((*good.whole[:-1], good.frames[good.reply.first], good.end)),
        uses=("stream",),
        dialects=STREAMED - {"gemini"},  # whose end is that of the body
    ),
)

FAULTS: tuple[Fault, ...] = (
    *CONNECTING,
    *WAY_FAULTS,
    *H2_FAULTS,
    *CONNECTION,
    *HEADS,
    *BODIES,
    *CONTENT,
    *STATUS_FAULTS,
)
