/*
 * Mock upstream of the load tests: chat completions on loopback, one thread, one epoll. It is never the bottleneck.
 *
 *   mock            prints the port it listens on and serves until it is ended
 *
 * What is answered follows from the model's name in the body, because that is the one thing every gateway hands on:
 *
 *   bench-json      one JSON answer of about 1 KB
 *   bench-burst     200 SSE deltas of 60 bytes, back to back
 *   bench-paced     200 deltas, 5 ms apart
 *   bench-tool      one tool call (read) whose arguments come in 50 deltas, 5 ms apart
 *   bench-slow      20 deltas, 500 ms apart        bench-slow-short: 6 of them
 *   bench-turn      a short text or a tool call, back to back, as said by the last "[turn sNNNNtNN]" of the body
 *
 * Every content or argument delta holds exactly one '#', so the load generator can count what arrived even where a
 * gateway joins events. Each event is an HTTP chunk of its own, as real servers send them.
 */
#define _GNU_SOURCE
#include <errno.h>
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
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MAX_EVENTS = 512, READ_SIZE = 256 * 1024, MAX_DELTAS = 256, TURN_PARTS = 40 };

typedef struct { char *data; size_t len, cap; } Buf;

typedef struct {
    const char *name;
    int deltas;
    int64_t gap_ns;
    int tool;
    Buf head;               /* response head, role chunk and the first delta */
    Buf event[MAX_DELTAS];  /* the others; the last one carries the ending too */
    Buf whole;              /* all of it, for streams without gaps */
} Kind;

static Kind kinds[] = {
    {.name = "bench-burst", .deltas = 200},
    {.name = "bench-paced", .deltas = 200, .gap_ns = 5000000},
    {.name = "bench-tool", .deltas = 50, .gap_ns = 5000000, .tool = 1},
    {.name = "bench-slow", .deltas = 20, .gap_ns = 500000000},
    {.name = "bench-slow-short", .deltas = 6, .gap_ns = 500000000},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

typedef struct Conn {
    int fd;
    Buf in, out;
    size_t head_len;        /* 0 while the request head is incomplete */
    size_t want;            /* body bytes announced by content-length */
    int chunked;
    size_t raw_at;          /* chunked: how far the raw bytes are decoded */
    size_t body_len;        /* chunked: decoded bytes, put in place behind the head */
    Kind *kind;             /* stream in progress, or NULL */
    int next;               /* its next delta */
    int64_t due_ns;
    int heap_at;            /* 1-based place in the heap, 0: not in it */
    int writing;            /* EPOLLOUT is asked for */
    int dead;
    struct Conn *next_dead;
} Conn;

static int epoll_fd, timer_fd, listen_fd;
static Conn **heap;
static int heap_len, heap_cap;
static Conn *graveyard;
static Buf json_answer;

static void fail(const char *what) { perror(what); exit(1); }

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* --- buffers ------------------------------------------------------------------------------------------------- */

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

static void puts_(Buf *b, const char *text) { put(b, text, strlen(text)); }

/* One SSE event as one HTTP chunk. */
static void put_event(Buf *b, const char *json) {
    char size[32];
    snprintf(size, sizeof size, "%zx\r\n", strlen(json) + 8);
    puts_(b, size);
    puts_(b, "data: ");
    puts_(b, json);
    puts_(b, "\n\n\r\n");
}

/* --- answers ------------------------------------------------------------------------------------------------- */

static const char SSE_HEAD[] =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    "x-request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n";

static void put_chunk(Buf *b, const char *model, const char *delta, const char *finish) {
    char json[2048];
    snprintf(json, sizeof json,
             "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"%s\","
             "\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":%s}]}",
             model, delta, finish);
    put_event(b, json);
}

static void put_end(Buf *b, const char *model, int deltas, int tool) {
    char json[1024];
    put_chunk(b, model, "{}", tool ? "\"tool_calls\"" : "\"stop\"");
    snprintf(json, sizeof json,
             "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"%s\","
             "\"choices\":[],\"usage\":{\"prompt_tokens\":250,\"completion_tokens\":%d,\"total_tokens\":%d,"
             "\"prompt_tokens_details\":{\"cached_tokens\":128}}}",
             model, deltas, deltas + 250);
    put_event(b, json);
    put_event(b, "[DONE]");
    puts_(b, "0\r\n\r\n");
}

static void put_text(Buf *b, const char *model, const char *text) {
    char delta[1024];
    snprintf(delta, sizeof delta, "{\"content\":\"%s\"}", text);
    put_chunk(b, model, delta, "null");
}

static void put_call(Buf *b, const char *model, const char *id) {
    char delta[1024];
    snprintf(delta, sizeof delta,
             "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"index\":0,\"id\":\"%s\",\"type\":\"function\","
             "\"function\":{\"name\":\"read\",\"arguments\":\"\"}}]}", id);
    put_chunk(b, model, delta, "null");
}

static void put_arguments(Buf *b, const char *model, const char *piece) {
    char delta[1024];
    snprintf(delta, sizeof delta, "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"%s\"}}]}", piece);
    put_chunk(b, model, delta, "null");
}

/* Piece i of n of the JSON arguments, already escaped for a JSON string; joined they are one valid object. */
static void argument_piece(char *into, size_t size, const char *path, int i, int n) {
    if (i == 0) snprintf(into, size, "{\\\"path\\\":\\\"%s\\\",\\\"why\\\":\\\"part %d#", path, i);
    else snprintf(into, size, i == n - 1 ? " part %d#\\\"}" : " part %d#", i);
}

static void build_kind(Kind *k) {
    char piece[512];
    if (k->tool) put_call(&k->head, k->name, "call_bench_tool");
    else put_chunk(&k->head, k->name, "{\"role\":\"assistant\",\"content\":\"\"}", "null");
    for (int i = 0; i < k->deltas; i++) {
        Buf *b = i == 0 ? &k->head : &k->event[i];
        if (k->tool) {
            argument_piece(piece, sizeof piece, "src/app/reader.py", i, k->deltas);
            put_arguments(b, k->name, piece);
        } else {
            /* 60 bytes of text with one mark. */
            snprintf(piece, sizeof piece, "delta %03d of a stream that says the same sixty bytes again.#", i);
            put_text(b, k->name, piece);
        }
    }
    put_end(k->deltas > 1 ? &k->event[k->deltas - 1] : &k->head, k->name, k->deltas, k->tool);
    Buf with_head = {0};
    put(&with_head, SSE_HEAD, sizeof SSE_HEAD - 1);
    put(&with_head, k->head.data, k->head.len);
    k->head = with_head;
    if (k->gap_ns == 0) {
        put(&k->whole, k->head.data, k->head.len);
        for (int i = 1; i < k->deltas; i++) put(&k->whole, k->event[i].data, k->event[i].len);
    }
}

static void build_json(void) {
    Buf body = {0};
    char head[256];
    puts_(&body, "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1790000000,\"model\":\"bench-json\","
                 "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"");
    for (int i = 0; i < 10; i++) puts_(&body, "This sentence is a part of an answer of about one kilobyte, as said.#  ");
    puts_(&body, "\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":250,"
                 "\"completion_tokens\":170,\"total_tokens\":420,\"prompt_tokens_details\":{\"cached_tokens\":128}}}");
    snprintf(head, sizeof head,
             "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_bench\r\ncontent-length: %zu\r\n\r\n",
             body.len);
    puts_(&json_answer, head);
    put(&json_answer, body.data, body.len);
    free(body.data);
}

/* The reply to one turn of a session; loadtests/bodies.py writes the same into the next body (a test compares). */
static void build_turn(Buf *b, const char *token, int turn) {
    const char *model = "bench-turn";
    char text[256], id[64], path[64];
    int tool = turn % 4 != 3;
    put(b, SSE_HEAD, sizeof SSE_HEAD - 1);
    if (tool) {
        snprintf(id, sizeof id, "call_%s", token);
        snprintf(path, sizeof path, "src/app/module_%02d.py", turn);
        put_call(b, model, id);
    } else put_chunk(b, model, "{\"role\":\"assistant\",\"content\":\"\"}", "null");
    for (int i = 0; i < TURN_PARTS; i++) {
        if (tool) {
            argument_piece(text, sizeof text, path, i, TURN_PARTS);
            put_arguments(b, model, text);
        } else {
            snprintf(text, sizeof text, "Part %d of turn %d is done.# ", i, turn);
            put_text(b, model, text);
        }
    }
    put_end(b, model, TURN_PARTS, tool);
}

/* --- timers: a binary heap by due time ------------------------------------------------------------------------ */

static void heap_place(int at, Conn *c) { heap[at] = c; c->heap_at = at; }

static void heap_up(int at) {
    Conn *c = heap[at];
    for (; at > 1 && heap[at / 2]->due_ns > c->due_ns; at /= 2) heap_place(at, heap[at / 2]);
    heap_place(at, c);
}

static void heap_down(int at) {
    Conn *c = heap[at];
    for (int child; (child = at * 2) <= heap_len; at = child) {
        if (child < heap_len && heap[child + 1]->due_ns < heap[child]->due_ns) child++;
        if (heap[child]->due_ns >= c->due_ns) break;
        heap_place(at, heap[child]);
    }
    heap_place(at, c);
}

static void heap_add(Conn *c) {
    if (heap_len + 2 > heap_cap) {
        heap_cap = heap_cap ? heap_cap * 2 : 64;
        heap = realloc(heap, sizeof *heap * (size_t)heap_cap);
        if (!heap) fail("realloc");
    }
    heap_place(++heap_len, c);
    heap_up(heap_len);
}

static void heap_remove(Conn *c) {
    int at = c->heap_at;
    if (!at) return;
    c->heap_at = 0;
    Conn *last = heap[heap_len--];
    if (last == c) return;
    heap_place(at, last);
    heap_up(at);
    heap_down(last->heap_at);
}

static void arm(void) {
    static int64_t armed;
    int64_t due = heap_len ? heap[1]->due_ns : 0;
    if (due == armed) return;
    armed = due;
    struct itimerspec at = {.it_value = {due / 1000000000, due % 1000000000}};
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* --- connections ---------------------------------------------------------------------------------------------- */

static void bury(Conn *c) {
    if (c->dead) return;
    c->dead = 1;
    heap_remove(c);
    close(c->fd);
    c->next_dead = graveyard;
    graveyard = c;
}

static void want_write(Conn *c, int wanted) {
    if (c->writing == wanted) return;
    c->writing = wanted;
    struct epoll_event e = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0u), .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

static void flush(Conn *c) {
    size_t sent = 0;
    while (sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + sent, c->out.len - sent, MSG_NOSIGNAL);
        if (n > 0) { sent += (size_t)n; continue; }
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        bury(c);
        return;
    }
    memmove(c->out.data, c->out.data + sent, c->out.len - sent);
    c->out.len -= sent;
    want_write(c, c->out.len > 0);
}

static void answer(Conn *c, const char *data, size_t len) {
    if (c->dead) return;
    while (c->out.len == 0 && len > 0) {
        ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
        if (n > 0) { data += n; len -= (size_t)n; continue; }
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        bury(c);
        return;
    }
    if (len == 0) return;
    put(&c->out, data, len);
    want_write(c, 1);
}

static void requests(Conn *c);

static void stream_due(Conn *c) {
    Kind *k = c->kind;
    Buf *b = &k->event[c->next++];
    heap_remove(c);
    if (c->next < k->deltas) {
        c->due_ns += k->gap_ns;
        heap_add(c);
    } else c->kind = NULL;
    answer(c, b->data, b->len);
    if (!c->kind) requests(c);
}

static void *find_last(const char *data, size_t len, const char *what) {
    size_t n = strlen(what);
    for (const char *end = data + len; (end = memrchr(data, what[0], (size_t)(end - data)));)
        if ((size_t)(data + len - end) >= n && memcmp(end, what, n) == 0) return (void *)end;
    return NULL;
}

static void plain(Conn *c, const char *status, const char *body) {
    char text[512];
    int n = snprintf(text, sizeof text, "HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
                     status, strlen(body), body);
    answer(c, text, (size_t)n);
}

static void serve(Conn *c, const char *head, const char *body, size_t len) {
    if (memcmp(head, "GET ", 4) == 0) {
        plain(c, "200 OK", "{\"object\":\"list\",\"data\":[{\"id\":\"bench-json\",\"object\":\"model\"}]}");
        return;
    }
    const char *model = memmem(body, len, "\"bench-", 7);
    const char *end = model ? memchr(model + 1, '"', len - (size_t)(model + 1 - body)) : NULL;
    if (!end) { plain(c, "404 Not Found", "{\"error\":{\"message\":\"no bench- model in the body\"}}"); return; }
    size_t n = (size_t)(end - ++model);
    if (n == 10 && memcmp(model, "bench-json", n) == 0) { answer(c, json_answer.data, json_answer.len); return; }
    if (n == 10 && memcmp(model, "bench-turn", n) == 0) {
        const char *at = find_last(body, len, "[turn s");
        if (!at || (size_t)(body + len - at) < 15 || at[14] != ']') {
            plain(c, "400 Bad Request", "{\"error\":{\"message\":\"no [turn sNNNNtNN] in the body\"}}");
            return;
        }
        char token[9] = {0};
        memcpy(token, at + 6, 8);
        Buf b = {0};
        build_turn(&b, token, atoi(token + 6));
        answer(c, b.data, b.len);
        free(b.data);
        return;
    }
    for (int i = 0; i < KINDS; i++) {
        Kind *k = &kinds[i];
        if (strlen(k->name) != n || memcmp(k->name, model, n) != 0) continue;
        if (k->gap_ns == 0) { answer(c, k->whole.data, k->whole.len); return; }
        c->kind = k;
        c->next = 1;
        c->due_ns = now_ns() + k->gap_ns;
        heap_add(c);
        answer(c, k->head.data, k->head.len);
        return;
    }
    plain(c, "404 Not Found", "{\"error\":{\"message\":\"unknown bench- model\"}}");
}

/* Decodes what is there of a chunked body in place. 1: complete, 0: more is needed, -1: not HTTP. */
static int dechunk(Conn *c) {
    char *in = c->in.data;
    for (;;) {
        char *line = memmem(in + c->raw_at, c->in.len - c->raw_at, "\r\n", 2);
        if (!line) return 0;
        char *stop;
        size_t size = strtoul(in + c->raw_at, &stop, 16);
        if (stop == in + c->raw_at) return -1;
        size_t data = (size_t)(line + 2 - in);
        if (c->in.len < data + size + 2) return 0;
        memmove(in + c->head_len + c->body_len, in + data, size);
        c->body_len += size;
        c->raw_at = data + size + 2;
        if (size == 0) return 1;
    }
}

static int parse_head(Conn *c) {
    char *end = memmem(c->in.data, c->in.len, "\r\n\r\n", 4);
    if (!end) return 0;
    c->head_len = (size_t)(end + 4 - c->in.data);
    c->want = 0;
    c->chunked = 0;
    for (char *line = memmem(c->in.data, c->head_len, "\r\n", 2) + 2; line < end;) {
        if (strncasecmp(line, "content-length:", 15) == 0) c->want = strtoul(line + 15, NULL, 10);
        if (strncasecmp(line, "transfer-encoding:", 18) == 0) c->chunked = 1;
        line = (char *)memmem(line, (size_t)(end + 2 - line), "\r\n", 2) + 2;
    }
    c->raw_at = c->head_len;
    c->body_len = 0;
    return 1;
}

static void requests(Conn *c) {
    while (!c->dead && !c->kind && c->in.len) {
        if (!c->head_len && !parse_head(c)) return;
        size_t used, len;
        if (c->chunked) {
            int state = dechunk(c);
            if (state < 0) { bury(c); return; }
            if (state == 0) return;
            used = c->raw_at;
            len = c->body_len;
        } else {
            if (c->in.len < c->head_len + c->want) return;
            used = c->head_len + c->want;
            len = c->want;
        }
        serve(c, c->in.data, c->in.data + c->head_len, len);
        memmove(c->in.data, c->in.data + used, c->in.len - used);
        c->in.len -= used;
        c->head_len = 0;
    }
}

static void readable(Conn *c) {
    for (;;) {
        /* Grow with what is announced, so that a thousand small connections stay small. */
        size_t more = c->head_len && c->want > c->in.len ? READ_SIZE : 4096;
        reserve(&c->in, more);
        size_t room = c->in.cap - c->in.len;
        ssize_t n = recv(c->fd, c->in.data + c->in.len, room, 0);
        if (n == 0) { bury(c); return; }
        if (n < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN && errno != EWOULDBLOCK) bury(c);
            return;
        }
        c->in.len += (size_t)n;
        requests(c);
        if (c->dead || (size_t)n < room) return;
    }
}

static void accept_all(void) {
    for (;;) {
        int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        int yes = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        Conn *c = calloc(1, sizeof *c);
        if (!c) fail("calloc");
        c->fd = fd;
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
    }
}

static void timers(void) {
    uint64_t fired;
    if (read(timer_fd, &fired, sizeof fired) < 0 && errno != EAGAIN) fail("timerfd");
    int64_t now = now_ns();
    while (heap_len && heap[1]->due_ns <= now) stream_due(heap[1]);
}

static void sweep(void) {
    while (graveyard) {
        Conn *c = graveyard;
        graveyard = c->next_dead;
        free(c->in.data);
        free(c->out.data);
        free(c);
    }
}

static void start(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    if (listen_fd < 0 || bind(listen_fd, (struct sockaddr *)&at, size) || listen(listen_fd, 4096)) fail("listen");
    if (getsockname(listen_fd, (struct sockaddr *)&at, &size)) fail("getsockname");
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &listen_fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &e);
    e.data.ptr = &timer_fd;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &e);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    build_json();
    for (int i = 0; i < KINDS; i++) build_kind(&kinds[i]);
    start();
    struct epoll_event events[MAX_EVENTS];
    for (;;) {
        arm();
        int n = epoll_wait(epoll_fd, events, MAX_EVENTS, -1);
        if (n < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < n; i++) {
            void *what = events[i].data.ptr;
            if (what == &listen_fd) accept_all();
            else if (what == &timer_fd) timers();
            else {
                Conn *c = what;
                if (!c->dead && events[i].events & EPOLLOUT) flush(c);
                if (!c->dead && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
            }
        }
        sweep();
    }
}
