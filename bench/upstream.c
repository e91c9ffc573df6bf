/* A chat service that costs next to nothing: fixed answers, one thread, epoll. The benchmarks' upstream.
 *
 *   upstream PORT EVENTS PACE WAIT [PREFIX FILE]...
 *
 * POST PREFIX...              what the file holds: a reply as it is sent, head and all
 * POST /v1/chat/completions   a small JSON answer, or with "stream":true an answer of BURST events, each an HTTP chunk, sent back to back;
 *                             of the model "long", LONG events; of the model "paced", a paced answer of EVENTS events
 * POST /api/generate          the same text as raw chunks (chatgpt-demo's protocol)
 *
 * An answer is paced if chunks of it hold one stamp each: '@' and STAMP digits. These chunks are its events, sent one each PACE
 * milliseconds, each connection at a time of its own, and its end as one more; the first WAIT turns of a connection pass without an
 * event. A stamp then says when its event was due: microseconds of the monotonic clock, which all processes share, so that a reader
 * knows how late it is.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BURST = 100, LONG = 20000, STAMP = 15, BUFFER = 16384, DESCRIPTORS = 65536, HEAD_ROOM = 512 };

struct answer {
    char *bytes;
    size_t size;
    size_t *events;     /* of a paced one: where each event begins, and the end */
    int count;          /* events; 0: it is not paced */
};

struct connection {
    char *request;      /* what has come of the request's head and, where it is small, its body */
    size_t held;        /* bytes of it */
    size_t skip;        /* bytes of a large body still to come */
    int large;          /* the body did not fit: `answer` is decided, only the body's end is awaited */
    const struct answer *waiting;
    const char *out;    /* what is left to write */
    size_t left;
    const struct answer *paced; /* what is sent event by event */
    int sent;           /* events of it; below 0: turns that it still waits */
    int full;           /* the socket took no more: it is watched for room */
};

static struct connection connections[DESCRIPTORS];
struct reply {
    const char *prefix; /* how its path begins */
    struct answer answer;
};

static struct reply *replies;
static int replying;
static struct answer json, burst, lengthy, raw, paced;
static int highest, pacing, epoll_fd, pace_ms, wait_turns;

static void add(struct answer *answer, const char *bytes, size_t size) {
    answer->bytes = realloc(answer->bytes, answer->size + size + 1);
    memcpy(answer->bytes + answer->size, bytes, size);
    answer->size += size;
    answer->bytes[answer->size] = 0;
}

static void add_text(struct answer *answer, const char *text) { add(answer, text, strlen(text)); }

static void add_chunk(struct answer *answer, const char *text) {
    char size[32];
    add(answer, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", strlen(text)));
    add_text(answer, text);
    add_text(answer, "\r\n");
}

#define STREAM_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
#define CHUNK(delta, finish)                                                                                              \
    "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"bench\","   \
    "\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":" finish "}]}\n\n"
#define PLACE "@000000000000000 "
#define USAGE                                                                                                             \
    "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"bench\","   \
    "\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":100,\"total_tokens\":109}}\n\n"

/* Finds the events of a paced answer. */
static void split(struct answer *answer) {
    char *chunk = strstr(answer->bytes, "\r\n\r\n"), *end = answer->bytes + answer->size;
    if (!chunk || !memchr(answer->bytes, '@', answer->size)) return;
    for (chunk += 4; chunk < end;) {
        char *data;
        size_t size = strtoul(chunk, &data, 16);
        char *next = data + 2 + size + 2, *stamp = memchr(data, '@', size + 2);
        if (next > end) return;
        if (stamp && !memchr(stamp + 1, '@', (size_t)(next - stamp) - 1)) {
            answer->events = realloc(answer->events, ((size_t)answer->count + 2) * sizeof *answer->events);
            answer->events[answer->count++] = (size_t)(chunk - answer->bytes);
            answer->events[answer->count] = (size_t)(next - answer->bytes);
        }
        chunk = next;
    }
}

static void prepare(int events) {
    const char *body =
        "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"bench\",\"choices\":[{\"index\":0,"
        "\"message\":{\"role\":\"assistant\",\"content\":\"Hello there, how may I help you today?\"},\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":10,\"total_tokens\":19}}";
    char head[HEAD_ROOM];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", strlen(body));
    add_text(&json, head);
    add_text(&json, body);

    const char *role = CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null"), *word = CHUNK("{\"content\":\"word \"}", "null");
    const char *stop = CHUNK("{}", "\"stop\"");
    struct answer *streams[] = {&burst, &lengthy};
    for (int s = 0; s < 2; s++) {
        add_text(streams[s], STREAM_HEAD);
        add_chunk(streams[s], role);
        for (int i = 0; i < (s ? LONG : BURST) - 4; i++) add_chunk(streams[s], word);
        add_chunk(streams[s], stop);
        add_chunk(streams[s], USAGE);
        add_chunk(streams[s], "data: [DONE]\n\n");
        add_text(streams[s], "0\r\n\r\n");
    }

    add_text(&raw, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < BURST; i++) add_chunk(&raw, "word ");
    add_text(&raw, "0\r\n\r\n");

    add_text(&paced, STREAM_HEAD);
    add_chunk(&paced, role);
    for (int i = 0; i < events - 1; i++) add_chunk(&paced, CHUNK("{\"content\":\"" PLACE "\"}", "null"));
    add_chunk(&paced, stop);
    add_chunk(&paced, USAGE);
    add_chunk(&paced, "data: [DONE]\n\n");
    add_text(&paced, "0\r\n\r\n");
    split(&paced);
}

static int learn(int count, char **words) {
    replies = calloc((size_t)count / 2 + 1, sizeof *replies);
    for (; replying < count / 2; replying++) {
        struct reply *reply = &replies[replying];
        reply->prefix = words[2 * replying];
        FILE *file = fopen(words[2 * replying + 1], "rb");
        if (!file) return perror(words[2 * replying + 1]), -1;
        static char bytes[BUFFER];
        for (size_t got; (got = fread(bytes, 1, sizeof bytes, file));) add(&reply->answer, bytes, got);
        fclose(file);
        split(&reply->answer);
    }
    return 0;
}

static void forget(int fd) {
    pacing -= !!connections[fd].paced;
    free(connections[fd].request);
    memset(&connections[fd], 0, sizeof connections[fd]);
    close(fd);
}

static void watch(int fd, int full) {
    struct epoll_event event = {.events = EPOLLIN | (full ? EPOLLOUT : 0), .data.fd = fd};
    if (connections[fd].full != full) epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event);
    connections[fd].full = full;
}

static int flush(int fd) {
    struct connection *c = &connections[fd];
    while (c->left) {
        ssize_t sent = send(fd, c->out, c->left, MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN ? (watch(fd, 1), 0) : -1;
        c->out += sent;
        c->left -= (size_t)sent;
    }
    watch(fd, 0);
    return 0;
}

static int put(int fd, const char *bytes, size_t size) {
    connections[fd].out = bytes;
    connections[fd].left = size;
    return flush(fd);
}

static int say(int fd, const struct answer *answer) {
    if (!answer->count) return put(fd, answer->bytes, answer->size);
    connections[fd].paced = answer;
    connections[fd].sent = -wait_turns;
    pacing++;
    return put(fd, answer->bytes, answer->events[0]);
}

static const struct answer *choose(const char *request, int knows_body) {
    for (int i = 0; i < replying; i++)
        if (!strncmp(request, "POST ", 5) && !strncmp(request + 5, replies[i].prefix, strlen(replies[i].prefix))) return &replies[i].answer;
    if (!strncmp(request, "POST /api/generate", 18)) return &raw;
    if (knows_body && (strstr(request, "\"stream\":true") || strstr(request, "\"stream\": true")))
        return strstr(request, "\"paced\"") ? &paced : strstr(request, "\"long\"") ? &lengthy : &burst;
    return &json;
}

/* Returns -1 where the connection is to be closed. */
static int take(int fd) {
    struct connection *c = &connections[fd];
    static char sink[1 << 18];
    for (;;) {
        if (c->large) {
            ssize_t got = recv(fd, sink, c->skip < sizeof sink ? c->skip : sizeof sink, 0);
            if (got <= 0) return got < 0 && errno == EAGAIN ? 0 : -1;
            c->skip -= (size_t)got;
            if (c->skip) continue;
            c->large = 0;
            if (say(fd, c->waiting) < 0) return -1;
            continue;
        }
        if (!c->request) c->request = malloc(BUFFER + 1);
        ssize_t got = recv(fd, c->request + c->held, BUFFER - c->held, 0);
        if (got <= 0) return got < 0 && errno == EAGAIN ? 0 : -1;
        c->held += (size_t)got;
        c->request[c->held] = 0;
        char *end = strstr(c->request, "\r\n\r\n");
        if (!end) {
            if (c->held == BUFFER) return -1;
            continue;
        }
        char *length = strcasestr(c->request, "\r\ncontent-length:");
        size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
        size_t whole = (size_t)(end - c->request) + 4 + body;
        if (whole > BUFFER) {
            c->waiting = choose(c->request, 1);
            c->skip = whole - c->held;
            c->large = 1;
            c->held = 0;
            continue;
        }
        if (c->held < whole) continue;
        c->held = 0;
        if (say(fd, choose(c->request, 1)) < 0) return -1;
    }
}

/* Each millisecond one in `pace_ms` of the connections has its turn. The event is stamped where all connections share it: one that a full
 * socket holds back may take a later stamp, but keeps its length. */
static void pace(long long millisecond) {
    char digits[STAMP + 1];
    snprintf(digits, sizeof digits, "%0*lld", STAMP, millisecond * 1000);
    for (int fd = (int)(millisecond % pace_ms); fd <= highest; fd += pace_ms) {
        struct connection *c = &connections[fd];
        const struct answer *answer = c->paced;
        if (!answer || c->left || c->sent++ < 0) continue;
        int turn = c->sent - 1;
        char *event = answer->bytes + answer->events[turn];
        if (turn == answer->count) {
            c->paced = NULL;
            pacing--;
            if (put(fd, event, answer->size - answer->events[turn])) forget(fd);
            continue;
        }
        size_t size = answer->events[turn + 1] - answer->events[turn];
        memcpy((char *)memchr(event, '@', size) + 1, digits, STAMP);
        if (put(fd, event, size)) forget(fd);
    }
}

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

int main(int argc, char **argv) {
    if (argc < 5 || argc % 2 == 0 || atoi(argv[2]) < 2 || (pace_ms = atoi(argv[3])) < 1 || (wait_turns = atoi(argv[4])) < 0)
        return fputs("usage: upstream PORT EVENTS PACE WAIT [PREFIX FILE]...\n", stderr), 2;
    prepare(atoi(argv[2]));
    if (learn(argc - 5, argv + 5)) return 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16384)) return perror("upstream"), 1;
    epoll_fd = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[512];
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
    for (long long next = now();;) {
        long long wait = next - now();
        int count = epoll_wait(epoll_fd, events, 512, !pacing ? -1 : wait > 0 ? (int)wait : 0);
        if (!pacing) next = now();
        for (; now() >= next; next++) pace(next);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                for (int peer; (peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
                    if (peer >= DESCRIPTORS) {
                        close(peer);
                        continue;
                    }
                    if (peer > highest) highest = peer;
                    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                    event = (struct epoll_event){.events = EPOLLIN, .data.fd = peer};
                    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, peer, &event);
                }
                continue;
            }
            if ((events[i].events & EPOLLOUT) && connections[fd].left && flush(fd) < 0) {
                forget(fd);
                continue;
            }
            if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && take(fd) < 0) forget(fd);
        }
    }
}
