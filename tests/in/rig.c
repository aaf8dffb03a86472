#include "rig.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/base/clock.h"
#include "config/base/log.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

enum { START_MS = 1796000000, ROUNDS = 6 };

static void log_line(const char *line, size_t n, void *arg)
{
    struct rig *r = arg;
    if (buf_room(&r->log) < n)
        buf_clear(&r->log);
    (void)!buf_append(&r->log, slice_make(line, n));
}

/* The queue is paused: nothing is handed out, tests look at the store. */
static void take_job(struct job *job, void *worker)
{
    cr_assert_fail("a job of a paused queue");
}

static void configure(struct rig *r)
{
    r->domain = (struct domain_config){.pattern = "ours.example"};
    r->listener = (struct listener_config){
        .name = "lan",
        .max_message_size = 1024 * 1024,
        .max_connections = 10,
        .max_connections_per_client = 10,
        .timeout_command_ms = 300000,
        .timeout_data_ms = 300000,
        .timeout_tls_ms = 30000,
        .limits = {.errors = 20, .junk_commands = 100, .data_rate = 500, .overload_at = 90},
    };
    cr_assert(ip_parse_net(SLICE("127.0.0.0/8"), &r->clients[0]));
    r->listener.clients = r->clients;
    r->listener.n_clients = 1;
    r->config = (struct config){
        .refs = 1000,
        .hostname = "relay.example",
        .state_directory = r->dir,
        .runtime_directory = r->dir,
        .listeners = &r->listener,
        .n_listeners = 1,
        .domains = &r->domain,
        .n_domains = 1,
        .workers = 1,
    };
    r->config.delivery = (struct delivery_config){
        .tls = TLS_LEVEL_MAY,
        .retry_min_ms = 300000,
        .retry_max_ms = 14400000,
        .expire_ms = 432000000,
        .destination_concurrency = 20,
    };
    r->settings = (struct settings){.refs = 1000, .config = &r->config, .doors = &r->door};
}

struct rig *rig_new(void)
{
    struct rig *r = base_alloc(sizeof(*r));
    char bodies[80];

    clock_fake_start((int64_t)START_MS * 1000);
    (void)signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    snprintf(r->dir, sizeof(r->dir), "/tmp/danelaw-in-XXXXXX");
    cr_assert(mkdtemp(r->dir));
    snprintf(bodies, sizeof(bodies), "%s/bodies", r->dir);
    cr_assert_eq(mkdir(bodies, 0700), 0);
    buf_init(&r->got, 4 << 20);
    buf_init(&r->log, 1 << 20);
    log_capture(log_line, r);
    log_setup(LOG_TEXT, LOG_DEBUG);
    configure(r);
    r->fd = -1;
    r->rates = rates_new(100);
    r->loop = loop_new("worker");
    r->queue_loop = loop_new("queue");
    r->sync_loop = loop_new("sync");
    r->auth_loop = loop_new("auth");
    r->auth = auth_desk_new(r->auth_loop);
    r->store = store_memory_open();
    r->queue = queue_new(r->queue_loop, r->sync_loop, r->store, &r->config, r->dir);
    queue_add_worker(r->queue, r->loop, take_job, r);
    cr_assert(queue_start(r->queue));
    queue_pause(r->queue);
    r->worker = (struct worker_ctx){.loop = r->loop, .settings = &r->settings, .queue = r->queue, .auth = r->auth};
    list_init(&r->worker.sessions);
    rig_pump(r);
    return r;
}

static void remove_tree(const char *dir)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    cr_assert_eq(system(command), 0);
}

void rig_free(struct rig **rp)
{
    struct rig *r = *rp;

    rig_close(r);
    cr_assert(list_is_empty(&r->worker.sessions), "a session did not end");
    rates_free(&r->rates);
    queue_free(&r->queue);
    loop_free(&r->loop);
    loop_free(&r->queue_loop);
    loop_free(&r->sync_loop);
    loop_free(&r->auth_loop);
    auth_desk_free(&r->auth);
    users_free(&r->users[0]);
    log_capture(NULL, NULL);
    clock_fake_stop();
    tls_identity_free(&r->own);
    SSL_CTX_free(r->client);
    buf_free(&r->got);
    buf_free(&r->log);
    remove_tree(r->dir);
    free(r);
    *rp = NULL;
#if defined(__SANITIZE_ADDRESS__)
    cr_assert_eq(__lsan_do_recoverable_leak_check(), 0, "leaks");
#endif
}

void rig_pump(struct rig *r)
{
    for (int quiet = 0; quiet < ROUNDS; quiet++) {
        bool any = loop_pump(r->loop);
        any |= loop_pump(r->queue_loop);
        any |= loop_pump(r->sync_loop);
        any |= r->also && r->also(r->also_arg);
        any |= loop_pump(r->auth_loop);
        if (any)
            quiet = 0;
    }
}

static void on_end(void *arg, const char *listener, const struct ip *client)
{
    struct rig *r = arg;
    cr_assert_str_eq(listener, "lan");
    rates_drop(r->rates, listener, client, loop_now_ms(r->loop));
    r->ended++;
}

static void on_moved(struct msg *msg)
{
    struct in_move *m = CONTAINER_OF(msg, struct in_move, msg);
    m->done(m);
}

/* As the main loop does it: the answer comes by the mailbox. */
static void on_move(void *arg, struct in_move *m)
{
    struct rig *r = arg;
    char from[IP_TEXT_MAX], to[IP_TEXT_MAX];
    size_t n = strlen(r->moves);

    (void)snprintf(r->moves + n, sizeof(r->moves) - n, "%s %s, ", ip_text(&m->from, from),
                   ip_text(&m->to, to));
    m->cause = r->move_cause;
    if (m->cause == CAUSE_OK) {
        rates_hold(r->rates, "lan", &m->to, loop_now_ms(r->loop), &m->rates);
        rates_drop(r->rates, "lan", &m->from, loop_now_ms(r->loop));
    }
    loop_post(m->home, &m->msg, on_moved);
}

void rig_connect(struct rig *r, const char *from)
{
    struct in_start start = {
        .settings = &r->settings, .on_end = on_end, .on_move = on_move, .arg = r};
    int pair[2];

    /* A local pair delivers at once, however busy the machine is. */
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    if (r->send_buffer)
        (void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &r->send_buffer, sizeof(int));
    r->fd = pair[0];
    start.fd = pair[1];
    cr_assert(ip_parse(slice_of(from), &start.peer.ip));
    start.peer.port = 0x0102;
    rates_hold(r->rates, "lan", &start.peer.ip, loop_now_ms(r->loop), &start.rates);
    buf_clear(&r->got);
    r->closed = false;
    if (r->early)
        cr_assert_gt(send(r->fd, r->early, strlen(r->early), 0), 0);
    in_session_start(&r->worker, &start);
    rig_pump(r);
}

void rig_close(struct rig *r)
{
    if (r->fd < 0)
        return;
    SSL_free(r->ssl);
    r->ssl = NULL;
    close(r->fd);
    r->fd = -1;
    rig_pump(r);
}

static ssize_t client_recv(struct rig *r, char *p, size_t n)
{
    if (!r->ssl)
        return recv(r->fd, p, n, 0);
    int got = SSL_read(r->ssl, p, (int)n);
    if (got > 0)
        return got;
    errno = EAGAIN;
    return SSL_get_error(r->ssl, got) == SSL_ERROR_WANT_READ ? -1 : 0;
}

static ssize_t client_send(struct rig *r, struct slice s)
{
    if (!r->ssl)
        return send(r->fd, s.p, s.n, MSG_NOSIGNAL);
    int n = SSL_write(r->ssl, s.p, (int)s.n);
    return n > 0 ? n : -1;
}

void rig_read(struct rig *r)
{
    char p[8192];
    ssize_t n;

    rig_pump(r);
    while ((n = client_recv(r, p, sizeof(p))) > 0) {
        cr_assert(buf_append(&r->got, slice_make(p, (size_t)n)));
        rig_pump(r);
    }
    if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
        r->closed = true;
}

void rig_write(struct rig *r, struct slice s)
{
    for (int idle = 0; s.n > 0 && idle < 1000; idle++) {
        ssize_t n = client_send(r, s);
        if (n > 0) {
            s = slice_skip(s, (size_t)n);
            idle = 0;
        }
        rig_pump(r);
    }
}

/* A whole reply: "250-…" lines up to "250 …". 0: not there yet. */
static size_t reply_length(struct slice got)
{
    size_t at = 0;

    while (at < got.n) {
        struct slice left = slice_skip(got, at);
        size_t lf = slice_find(left, '\n');
        if (lf == left.n)
            return 0;
        at += lf + 1;
        if (left.n > 3 && left.p[3] != '-')
            return at;
    }
    return 0;
}

void rig_expect(struct rig *r, const char *want)
{
    rig_read(r);
    for (int i = 0; i < 100 && !reply_length(buf_slice(&r->got)) && !r->closed; i++)
        rig_read(r);
    size_t n = reply_length(buf_slice(&r->got));
    struct slice reply = slice_head(buf_slice(&r->got), n);
    cr_assert(n > 0 && slice_starts(reply, slice_of(want)), "wanted \"%s\", got \"%.*s\"%s", want,
              (int)r->got.n, buf_slice(&r->got).p, r->closed ? " and the end" : "");
    buf_consume(&r->got, n);
}

void rig_ask(struct rig *r, const char *line, const char *want)
{
    rig_say(r, line);
    rig_say(r, "\r\n");
    rig_expect(r, want);
}

void rig_expect_close(struct rig *r)
{
    for (int i = 0; i < 100 && !r->closed; i++)
        rig_read(r);
    cr_assert(r->closed, "the server did not close");
    cr_assert_eq(r->got.n, 0, "more was said: %.*s", (int)r->got.n, buf_slice(&r->got).p);
}

void rig_advance(struct rig *r, int64_t ms)
{
    clock_fake_advance(ms);
    rig_pump(r);
}

void rig_to_data(struct rig *r)
{
    rig_connect(r, "127.0.0.1");
    rig_expect(r, "220 relay.example ESMTP");
    rig_ask(r, "EHLO client.example", "250-relay.example");
    rig_ask(r, "MAIL FROM:<s@a.example>", "250 2.1.0");
    rig_ask(r, "RCPT TO:<r@b.example>", "250 2.1.5");
    rig_ask(r, "DATA", "354");
}

size_t rig_messages(struct rig *r, struct message **out, size_t max)
{
    enum store_result result = STORE_OK;
    struct message *found[100];
    size_t n;

    rig_pump(r);
    n = r->store->ops->scan(r->store, 0, ARRAY_LEN(found), found, &result);
    cr_assert_eq(result, STORE_OK);
    for (size_t i = 0; i < n; i++) {
        if (i < max)
            out[i] = r->store->ops->load(r->store, found[i]->row, true, &result);
        message_free(&found[i]);
    }
    return n;
}

struct message *rig_message(struct rig *r)
{
    struct message *m = NULL;
    size_t n = rig_messages(r, &m, 1);
    cr_assert_eq(n, 1, "%zu messages", n);
    cr_assert(m);
    return m;
}

char *rig_content(struct message *m, size_t *out_n)
{
    size_t n = body_size(m->body), at = 0;
    char *p = base_alloc(n + 1);

    for (long got = 1; got > 0 && at < n; at += (size_t)got)
        cr_assert((got = body_read(m->body, at, p + at, n - at)) > 0);
    cr_assert(n > 9 && memcmp(p, "Received:", 9) == 0);
    at = 0; /* the end of the folded field */
    do
        at = (size_t)((char *)memchr(p + at, '\n', n - at) - p) + 1;
    while (at < n && (p[at] == ' ' || p[at] == '\t'));
    memmove(p, p + at, n - at + 1);
    *out_n = n - at;
    return p;
}

size_t rig_files(const struct rig *r)
{
    char command[128], text[32] = "";
    FILE *f;

    snprintf(command, sizeof(command), "ls '%s/bodies' | wc -l", r->dir);
    f = popen(command, "r");
    cr_assert(fgets(text, sizeof(text), f));
    pclose(f);
    return (size_t)atol(text);
}

void rig_say_large(struct rig *r, size_t n)
{
    char line[102];

    memset(line, 'x', 98);
    memcpy(line + 98, "\r\n", 3);
    for (size_t at = 0; at < n; at += 100)
        rig_write(r, slice_make(line, 100));
}

bool rig_logged(const struct rig *r, const char *text)
{
    struct slice log = buf_slice(&r->log);
    return log.n && memmem(log.p, log.n, text, strlen(text));
}

/* TLS */

X509 *rig_certificate(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"relay.example", -1,
                               -1, 0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    cr_assert(X509_sign(cert, key, EVP_sha256()));
    return cert;
}

static void write_pem(const char *file, X509 *cert, EVP_PKEY *key)
{
    FILE *f = fopen(file, "w");
    cr_assert(f);
    cr_assert(cert ? PEM_write_X509(f, cert) == 1
                   : PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(f);
}

/* Through files, as the daemon does: what is tested is the daemon's context. */
static struct tls_identity *load_identity(struct rig *r)
{
    struct buf errors, warnings;

    buf_init(&errors, 4096);
    buf_init(&warnings, 4096);
    struct tls_identity *own = tls_identity_new(&r->identity, &errors, &warnings);
    cr_assert(own, "%s", buf_cstr(&errors));
    buf_free(&errors);
    buf_free(&warnings);
    return own;
}

void rig_identity(struct rig *r)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = rig_certificate(key);

    (void)snprintf(r->pem[0], sizeof(r->pem[0]), "%s/own.pem", r->dir);
    (void)snprintf(r->pem[1], sizeof(r->pem[1]), "%s/own.key", r->dir);
    write_pem(r->pem[0], cert, NULL);
    write_pem(r->pem[1], NULL, key);
    X509_free(cert);
    EVP_PKEY_free(key);
    r->files[0] = (struct config_path){.path = r->pem[0]};
    r->files[1] = (struct config_path){.path = r->pem[1]};
    r->identity = (struct identity_config){
        .name = "relay",
        .certificate_files = &r->files[0],
        .key_files = &r->files[1],
        .n_certificate_files = 1,
        .n_key_files = 1,
    };
    r->own = load_identity(r);
    r->door = (struct tls_door){&r->own, 1, false};
    r->listener.tls = LISTENER_TLS_MAY;
}

void rig_users(struct rig *r, enum listener_auth auth, const char *text)
{
    struct buf errors;

    buf_init(&errors, 4096);
    cr_assert(users_parse(slice_of(text), "users", &errors, &r->users[0]), "%s", buf_cstr(&errors));
    buf_free(&errors);
    r->settings.users = r->users;
    r->listener.auth = auth;
    rig_identity(r);
}

bool rig_try_handshake(struct rig *r)
{
    int rc = 0;

    if (!r->client)
        r->client = SSL_CTX_new(TLS_client_method());
    r->ssl = SSL_new(r->client);
    SSL_set_fd(r->ssl, r->fd);
    for (int i = 0; i < 100 && (rc = SSL_connect(r->ssl)) != 1; i++)
        rig_pump(r);
    rig_pump(r);
    return rc == 1;
}

void rig_handshake(struct rig *r)
{
    cr_assert(rig_try_handshake(r), "the handshake failed");
}
