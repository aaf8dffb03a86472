#include "fake.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/base/base.h"

struct talk { /* one connection */
    struct fake *f;
    int fd;
    SSL *ssl;
    char in[8192];
    size_t n;
    int rcpts;          /* of the transaction */
    char replies[2048]; /* to the message by LMTP */
};

static bool stopping(struct fake *f)
{
    pthread_mutex_lock(&f->lock);
    bool stop = f->stop;
    pthread_mutex_unlock(&f->lock);
    return stop;
}

static void hear(struct fake *f, const char *p, size_t n)
{
    pthread_mutex_lock(&f->lock);
    (void)!buf_append(&f->heard, slice_make(p, n));
    (void)!buf_append_byte(&f->heard, '\n');
    pthread_mutex_unlock(&f->lock);
}

static void add(struct fake *f, int *counter)
{
    pthread_mutex_lock(&f->lock);
    (*counter)++;
    pthread_mutex_unlock(&f->lock);
}

static void say(struct talk *t, const char *text)
{
    size_t n = strlen(text);

    if (t->ssl)
        (void)SSL_write(t->ssl, text, (int)n);
    else
        (void)!send(t->fd, text, n, MSG_NOSIGNAL);
}

static void say_line(struct talk *t, const char *text)
{
    char line[600];

    (void)snprintf(line, sizeof(line), "%s\r\n", text);
    say(t, line);
}

/* More octets; false at the end, or when the fake is stopped. */
static bool more(struct talk *t)
{
    struct pollfd p = {.fd = t->fd, .events = POLLIN};
    long n;

    while (!(t->ssl && SSL_pending(t->ssl)) && poll(&p, 1, 20) == 0)
        if (stopping(t->f))
            return false;
    if (t->n == sizeof(t->in))
        return false;
    n = t->ssl ? SSL_read(t->ssl, t->in + t->n, (int)(sizeof(t->in) - t->n))
               : recv(t->fd, t->in + t->n, sizeof(t->in) - t->n, 0);
    if (n <= 0)
        return false;
    t->n += (size_t)n;
    return true;
}

/* The next line without its end, into line. */
static bool next_line(struct talk *t, char line[8192])
{
    char *end;

    while (!(end = memchr(t->in, '\n', t->n)))
        if (!more(t))
            return false;
    size_t n = (size_t)(end - t->in);
    memcpy(line, t->in, n);
    line[n] = '\0';
    if (n && line[n - 1] == '\r')
        line[n - 1] = '\0';
    memmove(t->in, end + 1, t->n - n - 1);
    t->n -= n + 1;
    hear(t->f, line, strlen(line));
    return true;
}

static bool handshake(struct talk *t)
{
    t->ssl = SSL_new(t->f->tls);
    SSL_set_fd(t->ssl, t->fd);
    if (SSL_accept(t->ssl) != 1)
        return false;
    add(t->f, &t->f->tls_connections);
    return true;
}

static bool starttls(struct talk *t)
{
    if (t->f->starttls) {
        say_line(t, t->f->starttls);
        return true;
    }
    say_line(t, "220 2.0.0 go ahead");
    return !t->f->tls_drops && handshake(t);
}

static void offer_more(struct talk *t, const char *offers)
{
    struct slice rest = slice_of(offers), line;
    char text[600];

    while (rest.n) {
        line = slice_head(rest, slice_find(rest, '\n'));
        rest = slice_skip(rest, line.n + 1);
        (void)snprintf(text, sizeof(text), "250-%.*s", (int)line.n, line.p);
        say_line(t, text);
    }
}

static void ehlo(struct talk *t)
{
    say_line(t, "250-fake.example");
    if (t->f->tls && !t->ssl)
        say_line(t, "250-STARTTLS");
    if (t->f->pipelining)
        say_line(t, "250-PIPELINING");
    if (t->f->size) {
        char text[64];
        (void)snprintf(text, sizeof(text), "250-SIZE %s", t->f->size);
        say_line(t, text);
    }
    offer_more(t, t->f->offers);
    offer_more(t, t->ssl ? t->f->tls_offers : NULL);
    say_line(t, t->f->seven_bit ? "250 HELP" : "250 8BITMIME");
}

static void mail(struct talk *t, const char *line)
{
    bool null = strncmp(line, "MAIL FROM:<>", 12) == 0;
    const char *reply = null && t->f->mail_null ? t->f->mail_null : t->f->mail;

    t->rcpts = 0;
    t->replies[0] = '\0';
    say_line(t, reply ? reply : "250 2.1.0 ok");
}

static void take_rcpt(struct talk *t, const char *line)
{
    size_t n = strlen(t->replies);

    (void)snprintf(t->replies + n, sizeof(t->replies) - n, "%s\r\n",
                   strstr(line, "<full") ? "452 4.2.2 mailbox full" : "250 2.0.0 in the box");
    say_line(t, "250 2.1.5 ok");
}

static void rcpt(struct talk *t, const char *line)
{
    if (strstr(line, "<tempfail"))
        say_line(t, "450 4.2.0 come back later");
    else if (strstr(line, "<reject"))
        say_line(t, "550 5.1.1 no such user");
    else if (t->f->takes && t->rcpts++ >= t->f->takes)
        say_line(t, "452 4.5.3 too many recipients");
    else
        take_rcpt(t, line);
}

static bool data(struct talk *t)
{
    char line[8192];

    say_line(t, "354 go ahead");
    while (t->f->silent_body && !stopping(t->f))
        (void)poll(NULL, 0, 20);
    do {
        if (!next_line(t, line))
            return false;
    } while (strcmp(line, ".") != 0);
    if (t->f->dot && !t->f->dot[0])
        return false;
    if (t->f->lmtp)
        say(t, t->replies);
    else
        say_line(t, t->f->dot ? t->f->dot : "250 2.0.0 stored");
    add(t->f, &t->f->messages);
    return !t->f->closes_after_message;
}

/* False: the connection ends. */
static bool command(struct talk *t, const char *line)
{
    if (strncmp(line, t->f->lmtp ? "LHLO" : "EHLO", 4) == 0)
        ehlo(t);
    else if (strncmp(line, "AUTH", 4) == 0)
        say_line(t, t->f->login ? t->f->login : "235 2.7.0 welcome");
    else if (strcmp(line, "STARTTLS") == 0)
        return starttls(t);
    else if (strncmp(line, "MAIL", 4) == 0)
        mail(t, line);
    else if (strncmp(line, "RCPT", 4) == 0)
        rcpt(t, line);
    else if (strcmp(line, "DATA") == 0)
        return data(t);
    else if (strcmp(line, "QUIT") == 0)
        return false;
    else
        say_line(t, "250 2.0.0 ok");
    return true;
}

static void serve(struct fake *f, int fd)
{
    struct talk t = {.f = f, .fd = fd};
    char line[8192];

    add(f, &f->connections);
    if (!f->implicit_tls || handshake(&t)) {
        (void)usleep((useconds_t)f->greeting_ms * 1000);
        say_line(&t, f->greeting ? f->greeting : "220 fake.example ESMTP");
        while (next_line(&t, line) && command(&t, line))
            ;
    }
    SSL_free(t.ssl);
    close(fd);
}

static void *run(void *arg)
{
    struct fake *f = arg;

    while (!stopping(f)) {
        struct pollfd p = {.fd = f->listener, .events = POLLIN};
        int fd = poll(&p, 1, 20) == 1 ? accept(f->listener, NULL, NULL) : -1;
        if (fd >= 0)
            serve(f, fd);
    }
    return NULL;
}

static void listen_on(struct fake *f, uint16_t port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof(sa);
    int one = 1;

    cr_assert_eq(inet_pton(AF_INET, f->address, &sa.sin_addr), 1);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    cr_assert_eq(bind(f->listener, (struct sockaddr *)&sa, sizeof(sa)), 0, "bind %s", f->address);
    cr_assert_eq(getsockname(f->listener, (struct sockaddr *)&sa, &len), 0);
    f->port = ntohs(sa.sin_port);
}

static void listen_at(struct fake *f)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};

    (void)slice_copy(slice_of(f->path), sa.sun_path, sizeof(sa.sun_path));
    f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(f->listener, (struct sockaddr *)&sa, sizeof(sa)), 0, "bind %s", f->path);
}

void fake_start(struct fake *f, uint16_t port)
{
    if (f->path)
        listen_at(f);
    else
        listen_on(f, port);
    cr_assert_eq(listen(f->listener, 10), 0);
    buf_init(&f->heard, 16 << 20);
    pthread_mutex_init(&f->lock, NULL);
    cr_assert_eq(pthread_create(&f->thread, NULL, run, f), 0);
}

void fake_stop(struct fake *f)
{
    pthread_mutex_lock(&f->lock);
    f->stop = true;
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    close(f->listener);
    buf_free(&f->heard);
    pthread_mutex_destroy(&f->lock);
}

int fake_count(struct fake *f, const char *text)
{
    size_t len = strlen(text);
    int n = 0;

    pthread_mutex_lock(&f->lock);
    struct slice rest = buf_slice(&f->heard);
    for (const char *p; rest.n && (p = memmem(rest.p, rest.n, text, len)) != NULL; n++)
        rest = slice_skip(rest, (size_t)(p - rest.p) + len);
    pthread_mutex_unlock(&f->lock);
    return n;
}

bool fake_heard(struct fake *f, const char *text)
{
    return fake_count(f, text) > 0;
}
