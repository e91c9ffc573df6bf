/* A caller that costs next to nothing and checks what it gets: many connections, one thread, epoll. The benchmarks' load.
 *
 *   load PORT REQUEST CONNECTIONS RATE SECONDS COUNT MARK
 *
 * REQUEST      a file: the bytes of one whole HTTP request, sent again and again over kept connections
 * CONNECTIONS  at most so many requests at a time
 * RATE         requests begun a second, at even times, each timed from when it was due, not from when a connection was free for it;
 *              0: each connection sends its next request as soon as it has its answer
 * SECONDS      no new requests after so long; the answers under way are waited for
 * COUNT        no new requests after so many; 0: as many as there is time for
 * MARK         what the last bytes of every body must hold; empty: nothing
 *
 * An answer counts if it has the status 200, its HTTP framing comes to its end, and its body holds MARK; one with the status 503 is
 * timed apart, as shed. One JSON object on stdout:
 * times in microseconds; `lateness` is of each stamp in a body (see upstream.c), `frames` are the fewest and the most stamps of an answer,
 * and `own` the seconds of processor that this program took; `bytes` are the smallest and the largest body, so that what is cut short is seen even where its end looks good.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD = 4096, TAIL = 256, PATIENCE = 60, STAMP = 15, NONE = -1 };
enum stage { IDLE, AWAITED, SIZED, CHUNK_SIZE, CHUNK, CHUNK_END, LAST_LINE };

struct connection {
    int fd;             /* -1: none */
    enum stage stage;
    size_t sent;
    long long due, first; /* ns */
    int shed;           /* 1: the status is 503 */
    char head[HEAD];
    size_t held, left, body; /* of the head; of the body or the chunk still to come; of the body so far */
    unsigned line;      /* digits of a chunk's size, or characters of the last line */
    char tail[TAIL];    /* the body's last bytes */
    size_t tailed;
    int digits;         /* of the stamp that is being read; NONE: none is */
    long long stamp, last; /* us: it, and the one before it */
    size_t stamps;
};

struct times {
    unsigned *us;
    size_t count, room;
};

static struct connection *all;
static int *idle, idle_first, idle_count, most, epoll_fd;
static struct sockaddr_in address;
static char *request, *mark;
static size_t request_size, smallest = (size_t)-1, largest, fewest = (size_t)-1, most_stamps;
static struct times whole, first, shed, lateness;
static long refused, status_wrong, cut, mark_missing, late, reconnected, begun, open_now, open_most;
static long long last_progress;

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void note(struct times *times, long long ns) {
    if (times->count == times->room) times->us = realloc(times->us, (times->room = times->room * 2 + 65536) * sizeof *times->us);
    times->us[times->count++] = (unsigned)(ns / 1000);
}

static void hang_up(struct connection *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
}

static void rest(struct connection *c) {
    c->stage = IDLE;
    idle[(idle_first + idle_count++) % most] = (int)(c - all);
    open_now--;
}

static void fail(struct connection *c, long *reason) {
    ++*reason;
    hang_up(c);
    rest(c);
}

static void finish(struct connection *c) {
    long long t = last_progress = now();
    if (c->shed) return note(&shed, t - c->due), rest(c);
    if (*mark && !memmem(c->tail, c->tailed, mark, strlen(mark))) return fail(c, &mark_missing);
    note(&whole, t - c->due);
    note(&first, c->first - c->due);
    if (c->body < smallest) smallest = c->body;
    if (c->body > largest) largest = c->body;
    if (c->stamps < fewest) fewest = c->stamps;
    if (c->stamps > most_stamps) most_stamps = c->stamps;
    rest(c);
}

static void push(struct connection *c) {
    while (c->sent < request_size) {
        ssize_t sent = send(c->fd, request + c->sent, request_size - c->sent, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return fail(c, &refused);
        struct epoll_event event = {.events = EPOLLIN | (sent < 0 ? EPOLLOUT : 0), .data.ptr = c};
        if (sent < 0 || c->sent) epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
        if (sent < 0) return;
        c->sent += (size_t)sent;
    }
}

static void begin(struct connection *c, long long due) {
    int on = 1;
    c->stage = AWAITED;
    c->sent = c->held = c->body = c->tailed = c->stamps = 0;
    c->digits = NONE;
    c->last = 0;
    c->due = due;
    c->first = 0;
    begun++;
    if (++open_now > open_most) open_most = open_now;
    if (c->fd < 0) {
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (c->fd < 0) return fail(c, &refused);
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) return fail(c, &refused);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
    }
    push(c);
}

/* The head's end has come: what follows is `size` bytes of body. Returns whether that may go on. */
static int read_head(struct connection *c, const char *rest_of_read) {
    c->shed = !strncmp(c->head, "HTTP/1.1 503", 12);
    if (!c->shed && strncmp(c->head, "HTTP/1.1 200", 12)) {
        if (!status_wrong) fprintf(stderr, "load: the first answer that was none: %.300s\n%.300s\n", c->head, rest_of_read);
        return fail(c, &status_wrong), 0;
    }
    char *length = strcasestr(c->head, "\r\ncontent-length:");
    c->left = length ? strtoul(length + 17, NULL, 10) : 0;
    c->stage = length ? SIZED : CHUNK_SIZE;
    c->line = 0;
    if (!length && !strcasestr(c->head, "\r\ntransfer-encoding: chunked")) return fail(c, &status_wrong), 0;
    if (length && !c->left) return finish(c), 0;
    return 1;
}

static void keep_tail(struct connection *c, const char *bytes, size_t size) {
    if (size > TAIL) bytes += size - TAIL, size = TAIL;
    size_t over = c->tailed + size > TAIL ? c->tailed + size - TAIL : 0;
    memmove(c->tail, c->tail + over, c->tailed - over);
    memcpy(c->tail + c->tailed - over, bytes, size);
    c->tailed += size - over;
}

/* The end of an answer may say all its text once more: a stamp no later than the one before it is not a new one. */
static void read_stamps(struct connection *c, const char *bytes, size_t size) {
    const char *end = bytes + size;
    while (bytes < end) {
        if (c->digits == NONE) {
            const char *at = memchr(bytes, '@', (size_t)(end - bytes));
            if (!at) return;
            bytes = at + 1;
            c->digits = 0;
            c->stamp = 0;
        } else if (*bytes < '0' || *bytes > '9') {
            c->digits = NONE;
        } else {
            c->stamp = c->stamp * 10 + *bytes++ - '0';
            if (++c->digits < STAMP) continue;
            c->digits = NONE;
            if (c->stamp <= c->last) continue;
            c->last = c->stamp;
            c->stamps++;
            note(&lateness, now() - c->stamp * 1000);
        }
    }
}

static int hex(char digit) { return digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10; }

static void read_bytes(struct connection *c, const char *bytes, size_t size) {
    const char *end = bytes + size;
    if (!c->first) c->first = now();
    if (c->stage == AWAITED) {
        size_t old = c->held, taken = size < HEAD - 1 - old ? size : HEAD - 1 - old;
        memcpy(c->head + old, bytes, taken);
        c->head[c->held += taken] = 0;
        char *over = strstr(c->head, "\r\n\r\n");
        if (!over) return c->held == HEAD - 1 ? fail(c, &status_wrong) : (void)0;
        over[2] = 0;
        bytes += (size_t)(over + 4 - c->head) - old;
        if (!read_head(c, bytes)) return;
    }
    while (bytes < end) {
        if (c->stage == SIZED || c->stage == CHUNK) {
            size_t taken = c->left < (size_t)(end - bytes) ? c->left : (size_t)(end - bytes);
            keep_tail(c, bytes, taken);
            read_stamps(c, bytes, taken);
            bytes += taken;
            c->body += taken;
            if (c->left -= taken) return;
            if (c->stage == SIZED) return bytes < end ? fail(c, &cut) : finish(c);
            c->stage = CHUNK_END;
        } else if (c->stage == CHUNK_SIZE) {
            char digit = *bytes++;
            if (digit == '\n') {
                c->stage = c->left ? CHUNK : LAST_LINE;
                c->line = 0;
            } else if (digit != '\r' && c->line++ < 15) {
                c->left = c->left * 16 + (size_t)hex(digit);
            }
        } else if (c->stage == CHUNK_END) {
            if (*bytes++ == '\n') c->stage = CHUNK_SIZE, c->line = 0;
        } else if (c->stage == LAST_LINE) {
            char character = *bytes++;
            if (character == '\n' && !c->line) return bytes < end ? fail(c, &cut) : finish(c);
            c->line = character == '\n' ? 0 : c->line + (character != '\r');
        } else {
            return fail(c, &cut); /* more than was asked for */
        }
    }
}

static void pull(struct connection *c) {
    static char buffer[(1 << 18) + 1];
    while (c->fd >= 0) {
        ssize_t got = recv(c->fd, buffer, sizeof buffer - 1, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            if (c->stage == IDLE) return reconnected++, hang_up(c);
            return fail(c, !c->first && !c->sent ? &refused : &cut);
        }
        if (c->stage == IDLE) return cut++, hang_up(c);
        buffer[got] = 0;
        read_bytes(c, buffer, (size_t)got);
        if ((size_t)got < sizeof buffer - 1) return;
    }
}

static int by_size(const void *a, const void *b) {
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return x < y ? -1 : x > y;
}

static void print_times(const char *name, struct times *t) {
    static const double points[] = {0.5, 0.9, 0.99, 1};
    static const char *const names[] = {"p50", "p90", "p99", "most"};
    if (t->count) qsort(t->us, t->count, sizeof *t->us, by_size);
    printf(", \"%s\": {", name);
    for (int i = 0; i < 4; i++) {
        size_t at = (size_t)(points[i] * (double)t->count);
        printf("%s\"%s\": %u", i ? ", " : "", names[i], t->count ? t->us[at < t->count ? at : t->count - 1] : 0);
    }
    printf("}");
}

static void load_request(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) perror(path), exit(1);
    request_size = (size_t)ftell(file);
    rewind(file);
    request = malloc(request_size + 1);
    if (fread(request, 1, request_size, file) != request_size) perror(path), exit(1);
    fclose(file);
}

int main(int argc, char **argv) {
    if (argc != 8) return fputs("usage: load PORT REQUEST CONNECTIONS RATE SECONDS COUNT MARK\n", stderr), 2;
    address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    load_request(argv[2]);
    most = atoi(argv[3]);
    double rate = atof(argv[4]);
    long long seconds = (long long)(atof(argv[5]) * 1e9);
    long count = atol(argv[6]);
    mark = argv[7];
    all = calloc((size_t)most, sizeof *all);
    idle = calloc((size_t)most, sizeof *idle);
    for (int i = 0; i < most; i++) all[i].fd = -1, open_now++, rest(&all[i]);
    epoll_fd = epoll_create1(0);
    prctl(PR_SET_TIMERSLACK, 1000UL); /* due times are met to a microsecond, not to the usual 50 */
    struct epoll_event events[512];
    long long start = now(), t;
    long scheduled = 0;
    for (last_progress = start;;) {
        long long next = 0;
        for (t = now(); idle_count && t - start < seconds && (!count || scheduled < count); scheduled++) {
            next = rate > 0 ? start + (long long)((double)scheduled / rate * 1e9) : t;
            if (next > t || next - start >= seconds) break;
            next = 0;
            struct connection *c = &all[idle[idle_first]];
            idle_first = (idle_first + 1) % most;
            idle_count--;
            begin(c, rate > 0 ? start + (long long)((double)scheduled / rate * 1e9) : now());
        }
        int over = t - start >= seconds || (count && scheduled >= count);
        if (over && !open_now) break;
        if (t - last_progress > PATIENCE * 1000000000LL && open_now) {
            late = open_now;
            break;
        }
        long long wait = !over && next > t ? next - t : 100000000;
        struct timespec timeout = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
        int ready = epoll_pwait2(epoll_fd, events, 512, &timeout, NULL);
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (c->fd >= 0 && events[i].events & EPOLLOUT && c->stage != IDLE) push(c);
            if (c->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) pull(c);
        }
    }
    double taken = (double)((whole.count ? last_progress : now()) - start) / 1e9;
    printf("{\"answers\": %zu, \"seconds\": %.6f, \"begun\": %ld, \"open\": %ld, \"bytes\": [%zu, %zu]", whole.count, taken, begun, open_most,
           whole.count ? smallest : 0, largest);
    printf(", \"errors\": {\"refused\": %ld, \"status\": %ld, \"cut\": %ld, \"mark\": %ld, \"late\": %ld}, \"reconnected\": %ld", refused,
           status_wrong, cut, mark_missing, late, reconnected);
    print_times("whole", &whole);
    print_times("first", &first);
    print_times("lateness", &lateness);
    struct timespec own;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    printf(", \"frames\": [%zu, %zu], \"own\": %.6f", whole.count ? fewest : 0, most_stamps, (double)own.tv_sec + (double)own.tv_nsec / 1e9);
    printf(", \"turned_away\": %zu", shed.count);
    print_times("shed", &shed);
    puts("}");
    return 0;
}
