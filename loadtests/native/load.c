/*
 * Load generator of the load tests: HTTP/1.1 with keep-alive on loopback, one thread, one epoll, closed loop.
 *
 *   load --port N --body FILE [--body FILE ...] [--path /v1/chat/completions] [--header 'k: v' ...]
 *        [--concurrency N] [--requests N] [--seconds S] [--timeout S] [--marks N] [--sse]
 *        [--sequence] [--pause-ms N] [--clock PID[,PID...]]
 *
 * Each connection sends a request, reads the whole answer, sends the next. The bodies are taken in turn; --sequence sends
 * them one after another over one connection, a session (with --clock it tells the CPU time of those processes, per body).
 * It ends after N requests, or when S seconds have passed and what runs has ended.
 *
 * An answer counts only when it is complete: status 200, the length or last chunk said by HTTP, exactly --marks '#'
 * in the body (the mock puts one into each delta), and with --sse a finish_reason that is a text and a [DONE]. Anything else is an
 * error of its kind. One JSON object goes to stdout; times are in microseconds, in the order of ending.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_EVENTS = 512, READ_SIZE = 128 * 1024, MAX_BODIES = 256, MAX_CLOCKS = 64, SHOWN_MAX = 200000 };

typedef struct { char *data; size_t len, cap; } Buf;
typedef struct { double *at; size_t len, cap; } Series;
typedef enum { E_CONNECT, E_CLOSED, E_STATUS, E_HTTP, E_INCOMPLETE, E_TIMEOUT, ERRORS } Error;
static const char *error_names[ERRORS] = {"connect", "closed", "status", "http", "incomplete", "timeout"};

typedef enum { IDLE, SENDING, HEAD, BODY } State;

typedef struct {
    int fd;
    State state;
    const Buf *request;
    size_t sent;
    Buf in;                 /* raw bytes not yet read as HTTP */
    Buf body;               /* the answer's body, without chunk frames */
    int status, chunked, close_after, writing, have_length;
    size_t want;            /* bytes left of the body (content-length) or of the current chunk */
    int in_chunk;           /* 0: a size line is next, 1: data, 2: the CRLF behind data, 3: trailers */
    int marks;
    int64_t begun, first, last;
} Conn;

static int port, concurrency = 1, expected_marks, sse, sequence, pause_ms;
static long requests_max = -1;
static double seconds_max = -1, timeout_s = 60;
static Buf requests[MAX_BODIES];
static int bodies;
static int clocks[MAX_CLOCKS], clocks_len;

static int epoll_fd;
static Conn *conns;
static long started, ended, errors[ERRORS];
static int first_bad_status;
static uint64_t bytes, events_seen, marks_seen;
static Series latency, ttft, gaps, cpu;
static int64_t begun_all, deadline;
static Buf first_bad;

static void fail(const char *what) { perror(what); exit(1); }

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void reserve(Buf *b, size_t more) {
    if (b->len + more <= b->cap) return;
    while (b->cap < b->len + more) b->cap = b->cap ? b->cap * 2 : 4096;
    b->data = realloc(b->data, b->cap);
    if (!b->data) fail("realloc");
}

static void put(Buf *b, const char *data, size_t len) {
    reserve(b, len);
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

static void note(Series *s, double value) {
    if (s->len == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 1024;
        s->at = realloc(s->at, s->cap * sizeof *s->at);
        if (!s->at) fail("realloc");
    }
    s->at[s->len++] = value;
}

/* CPU time of the watched processes, every thread of them, in microseconds: clock ids as in clock_getcpuclockid(3). */
static double watched_us(void) {
    double sum = 0;
    for (int i = 0; i < clocks_len; i++) {
        struct timespec t;
        if (clock_gettime((clockid_t)((~(unsigned)clocks[i] << 3) | 2), &t) == 0)
            sum += (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
    }
    return sum;
}

/* --- one connection ------------------------------------------------------------------------------------------- */

static int more_wanted(void) {
    if (requests_max >= 0 && started >= requests_max) return 0;
    return deadline == 0 || now_ns() < deadline;
}

static void set_interest(Conn *c, int writing) {
    if (c->writing == writing) return;
    c->writing = writing;
    struct epoll_event e = {.events = EPOLLIN | (writing ? EPOLLOUT : 0u), .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

static void hang_up(Conn *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    c->in.len = 0;
}

static void begin(Conn *c);

static void end_request(Conn *c, int again) {
    ended++;
    c->state = IDLE;
    if (again && more_wanted()) begin(c);
}

static void failed(Conn *c, Error kind) {
    errors[kind]++;
    if (kind == E_STATUS && !first_bad_status) first_bad_status = c->status;
    if (!first_bad.len) put(&first_bad, c->body.data ? c->body.data : "", c->body.len < 600 ? c->body.len : 600);
    hang_up(c);
    /* A target that refuses at once must not be asked a million times. */
    end_request(c, !sequence && errors[E_CONNECT] < 1000 && errors[E_STATUS] < 1000);
}

static void send_more(Conn *c) {
    while (c->sent < c->request->len) {
        ssize_t n = send(c->fd, c->request->data + c->sent, c->request->len - c->sent, MSG_NOSIGNAL);
        if (n > 0) { c->sent += (size_t)n; continue; }
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOTCONN)) { set_interest(c, 1); return; }
        failed(c, c->sent ? E_CLOSED : E_CONNECT);
        return;
    }
    set_interest(c, 0);
    c->state = HEAD;
}

static int open_connection(Conn *c) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) return 0;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) return 0;
    c->writing = 0;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e);
    return 1;
}

static void begin(Conn *c) {
    c->request = &requests[started++ % bodies];
    c->state = SENDING;
    c->sent = 0;
    c->in.len = c->body.len = 0;
    c->status = c->chunked = c->close_after = c->in_chunk = c->marks = c->have_length = 0;
    c->want = 0;
    c->begun = now_ns();
    c->first = c->last = 0;
    if (c->fd < 0 && !open_connection(c)) { failed(c, E_CONNECT); return; }
    send_more(c);
}

/* --- reading the answer --------------------------------------------------------------------------------------- */

static void took(Conn *c, const char *data, size_t len, int64_t at) {
    int marks = 0;
    for (const char *p = data; (p = memchr(p, '#', len - (size_t)(p - data))); p++) marks++;
    put(&c->body, data, len);
    if (!marks) return;
    c->marks += marks;
    if (!c->first) c->first = at;
    else if (at != c->last) note(&gaps, (double)(at - c->last) / 1e3);
    c->last = at;
}

static int read_head(Conn *c) {
    char *end = memmem(c->in.data, c->in.len, "\r\n\r\n", 4);
    if (!end) return 0;
    if (c->in.len < 12 || memcmp(c->in.data, "HTTP/1.", 7) != 0) return -1;
    c->status = atoi(c->in.data + 9);
    for (char *line = (char *)memmem(c->in.data, c->in.len, "\r\n", 2) + 2; line < end + 2;) {
        char *stop = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
        if (strncasecmp(line, "content-length:", 15) == 0) c->want = strtoul(line + 15, NULL, 10), c->have_length = 1;
        if (strncasecmp(line, "transfer-encoding:", 18) == 0) c->chunked = 1;
        if (strncasecmp(line, "connection:", 11) == 0 && memmem(line, (size_t)(stop - line), "close", 5)) c->close_after = 1;
        line = stop + 2;
    }
    size_t used = (size_t)(end + 4 - c->in.data);
    memmove(c->in.data, c->in.data + used, c->in.len - used);
    c->in.len -= used;
    c->state = BODY;
    return 1;
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* Takes what can be taken of a chunked body. 1: complete, 0: more is needed, -1: not HTTP. */
static int read_chunks(Conn *c, int64_t at) {
    size_t used = 0;
    int state = 0;
    while (state == 0 && used < c->in.len) {
        char *p = c->in.data + used;
        size_t left = c->in.len - used;
        if (c->in_chunk == 1) {
            size_t n = smaller(left, c->want);
            took(c, p, n, at);
            used += n;
            if ((c->want -= n) == 0) c->in_chunk = 2;
            continue;
        }
        char *eol = memmem(p, left, "\r\n", 2);
        if (!eol) break;
        used += (size_t)(eol + 2 - p);
        if (c->in_chunk == 2) {
            if (eol != p) state = -1;
            c->in_chunk = 0;
        } else if (c->in_chunk == 3) {
            if (eol == p) state = 1;
        } else {
            char *stop;
            c->want = strtoul(p, &stop, 16);
            if (stop == p) state = -1;
            c->in_chunk = c->want ? 1 : 3;
        }
    }
    memmove(c->in.data, c->in.data + used, c->in.len - used);
    c->in.len -= used;
    return state;
}

static int read_body(Conn *c, int64_t at) {
    if (c->chunked) return read_chunks(c, at);
    size_t n = c->have_length ? smaller(c->in.len, c->want) : c->in.len;
    took(c, c->in.data, n, at);
    memmove(c->in.data, c->in.data + n, c->in.len - n);
    c->in.len -= n;
    c->want -= c->have_length ? n : 0;
    return c->have_length && c->want == 0;
}

/* Whether some finish_reason is a text, not null: peers write it with and without a space. */
static int finished(const Conn *c) {
    const char *p = c->body.data, *end = p + c->body.len;
    while ((p = memmem(p, (size_t)(end - p), "\"finish_reason\":", 16))) {
        for (p += 16; p < end && *p == ' '; p++) {}
        if (p < end && *p == '"') return 1;
    }
    return 0;
}

static void complete(Conn *c, int64_t at) {
    if (c->status != 200) { failed(c, E_STATUS); return; }
    int done = !sse || (memmem(c->body.data, c->body.len, "data: [DONE]", 12) && finished(c));
    if (!done || (expected_marks && c->marks != expected_marks)) { failed(c, E_INCOMPLETE); return; }
    bytes += c->body.len;
    marks_seen += (uint64_t)c->marks;
    if (sse) {
        events_seen += c->body.len >= 5 && memcmp(c->body.data, "data:", 5) == 0;
        for (const char *p = c->body.data, *end = p + c->body.len; (p = memmem(p, (size_t)(end - p), "\ndata:", 6)); p++)
            events_seen++;
    }
    note(&latency, (double)(at - c->begun) / 1e3);
    note(&ttft, (double)((c->first ? c->first : at) - c->begun) / 1e3);
    if (c->close_after) hang_up(c);
    end_request(c, !sequence);
}

static void readable(Conn *c) {
    int64_t at = now_ns();
    for (;;) {
        reserve(&c->in, READ_SIZE);
        ssize_t n = recv(c->fd, c->in.data + c->in.len, c->in.cap - c->in.len, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (n <= 0) {
            int silent_end = n == 0 && c->state == BODY && !c->chunked && !c->have_length;
            if (silent_end) { hang_up(c); complete(c, at); }
            else if (c->state == IDLE) hang_up(c);
            else failed(c, c->status == 0 && errno == ECONNREFUSED ? E_CONNECT : E_CLOSED);
            return;
        }
        c->in.len += (size_t)n;
        int state = c->state == HEAD || c->state == SENDING ? read_head(c) : 1;
        if (state > 0 && c->state == BODY) state = read_body(c, at);
        else if (state > 0) state = -1;
        if (state < 0) { failed(c, E_HTTP); return; }
        if (state > 0) { complete(c, at); return; }
    }
}

/* --- the run -------------------------------------------------------------------------------------------------- */

static void check_timeouts(void) {
    int64_t now = now_ns();
    for (int i = 0; i < concurrency; i++)
        if (conns[i].state != IDLE && now - conns[i].begun > (int64_t)(timeout_s * 1e9)) failed(&conns[i], E_TIMEOUT);
}

static int busy(void) {
    for (int i = 0; i < concurrency; i++)
        if (conns[i].state != IDLE) return 1;
    return 0;
}

static void step(int wait_ms) {
    static int64_t checked;
    struct epoll_event events[MAX_EVENTS];
    int n = epoll_wait(epoll_fd, events, MAX_EVENTS, wait_ms);
    for (int i = 0; i < n; i++) {
        Conn *c = events[i].data.ptr;
        if (c->fd < 0) continue;
        if (events[i].events & EPOLLOUT && c->state == SENDING) send_more(c);
        if (c->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
    }
    if (now_ns() - checked > 200000000) { check_timeouts(); checked = now_ns(); }
}

static void run_closed_loop(void) {
    for (int i = 0; i < concurrency && more_wanted(); i++) begin(&conns[i]);
    while (busy()) step(100);
}

static void run_sequence(void) {
    double before = watched_us();
    for (int i = 0; i < bodies; i++) {
        begin(&conns[0]);
        while (busy()) step(100);
        if (pause_ms) usleep((useconds_t)pause_ms * 1000);
        double after = watched_us();
        note(&cpu, after - before);
        before = after;
    }
}

static void show(const char *name, const Series *s) {
    size_t stride = s->len / SHOWN_MAX + 1;
    printf(",\"%s\":[", name);
    for (size_t i = 0; i < s->len; i += stride) printf(i ? ",%.1f" : "%.1f", s->at[i]);
    printf("]");
}

static void show_text(const char *name, const Buf *b) {
    printf(",\"%s\":\"", name);
    for (size_t i = 0; i < b->len; i++) {
        unsigned char x = (unsigned char)b->data[i];
        if (x < 32 || x > 126 || x == '"' || x == '\\') printf("\\u%04x", x);
        else putchar(x);
    }
    printf("\"");
}

static void report(double seconds) {
    printf("{\"seconds\":%.6f,\"requests\":%ld,\"complete\":%zu,\"bytes\":%llu,\"marks\":%llu,\"events\":%llu,\"errors\":{",
           seconds, ended, latency.len, (unsigned long long)bytes, (unsigned long long)marks_seen,
           (unsigned long long)events_seen);
    for (int i = 0, any = 0; i < ERRORS; i++)
        if (errors[i]) printf("%s\"%s\":%ld", any++ ? "," : "", error_names[i], errors[i]);
    printf("}");
    if (first_bad_status) printf(",\"first_bad_status\":%d", first_bad_status);
    if (first_bad.len) show_text("first_bad_body", &first_bad);
    show("latency_us", &latency);
    show("ttft_us", &ttft);
    show("gap_us", &gaps);
    if (clocks_len) show("cpu_us", &cpu);
    printf("}\n");
}

static void load_body(const char *name, const char *path, const Buf *headers) {
    struct stat info;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info)) fail(name);
    if (bodies == MAX_BODIES) { fprintf(stderr, "too many bodies\n"); exit(2); }
    Buf *b = &requests[bodies++];
    char head[512];
    int n = snprintf(head, sizeof head,
                     "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\naccept: */*\r\n"
                     "user-agent: interlock-loadtest\r\nauthorization: Bearer sk-bench\r\ncontent-length: %lld\r\n",
                     path, port, (long long)info.st_size);
    put(b, head, (size_t)n);
    put(b, headers->data ? headers->data : "", headers->len);
    put(b, "\r\n", 2);
    reserve(b, (size_t)info.st_size);
    for (off_t at = 0; at < info.st_size;) {
        ssize_t got = read(fd, b->data + b->len, (size_t)(info.st_size - at));
        if (got <= 0) fail(name);
        b->len += (size_t)got;
        at += got;
    }
    close(fd);
}

static void usage(void) {
    fprintf(stderr, "see the comment at the top of load.c\n");
    exit(2);
}

static void options(int argc, char **argv) {
    static const struct option known[] = {
        {"port", 1, 0, 'p'}, {"path", 1, 0, 'P'}, {"header", 1, 0, 'h'}, {"body", 1, 0, 'b'}, {"concurrency", 1, 0, 'c'},
        {"requests", 1, 0, 'n'}, {"seconds", 1, 0, 's'}, {"timeout", 1, 0, 't'}, {"marks", 1, 0, 'm'}, {"sse", 0, 0, 'e'},
        {"sequence", 0, 0, 'q'}, {"pause-ms", 1, 0, 'z'}, {"clock", 1, 0, 'k'}, {0, 0, 0, 0}};
    const char *path = "/v1/chat/completions", *files[MAX_BODIES];
    int count = 0;
    Buf headers = {0};
    for (int o; (o = getopt_long(argc, argv, "", known, NULL)) != -1;) switch (o) {
        case 'p': port = atoi(optarg); break;
        case 'P': path = optarg; break;
        case 'h': put(&headers, optarg, strlen(optarg)); put(&headers, "\r\n", 2); break;
        case 'b': if (count == MAX_BODIES) usage(); files[count++] = optarg; break;
        case 'c': concurrency = atoi(optarg); break;
        case 'n': requests_max = atol(optarg); break;
        case 's': seconds_max = atof(optarg); break;
        case 't': timeout_s = atof(optarg); break;
        case 'm': expected_marks = atoi(optarg); break;
        case 'e': sse = 1; break;
        case 'q': sequence = 1; break;
        case 'z': pause_ms = atoi(optarg); break;
        case 'k':
            for (char *p = strtok(optarg, ","); p && clocks_len < MAX_CLOCKS; p = strtok(NULL, ",")) clocks[clocks_len++] = atoi(p);
            break;
        default: usage();
    }
    if (!port || !count || concurrency < 1 || (!sequence && requests_max < 0 && seconds_max < 0)) usage();
    for (int i = 0; i < count; i++) load_body(files[i], path, &headers);
    if (sequence) concurrency = 1;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    options(argc, argv);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    conns = calloc((size_t)concurrency, sizeof *conns);
    if (!conns || epoll_fd < 0) fail("start");
    for (int i = 0; i < concurrency; i++) conns[i].fd = -1;
    begun_all = now_ns();
    if (seconds_max > 0) deadline = begun_all + (int64_t)(seconds_max * 1e9);
    if (sequence) run_sequence();
    else run_closed_loop();
    report((double)(now_ns() - begun_all) / 1e9);
    return 0;
}
