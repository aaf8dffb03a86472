#include "mta/run/check/check.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/base/clock.h"
#include "config/base/map.h"
#include "mta/run/check/domain.h"
#include "mta/run/destination.h"
#include "mta/run/queue_text.h"
#include "mta/run/spawn.h"

enum { STATE_WAIT_MS = 20000, CONNECT_MS = 10000, GREETING_MS = 30000 };
enum { RESTART_MS = 100, RESTARTS_MAX = 3 };
enum { DOMAINS_AT_ONCE = 32, LINE_MAX_OCTETS = 4096, BAR_WIDTH = 30, USAGE = 2 };

/* clang-format off */
const char check_command_help[] =
    "usage: danelaw check DOMAIN… [--explain] [--in TIME] [--json]\n"
    "       danelaw check - < LIST\n"
    "\n"
    "Says why a destination gets its mail, or does not, by the live policy and the code of a\n"
    "delivery, up to the point where MAIL FROM would be said: every DNS step with its security,\n"
    "the TLSA base domain and records, a handshake with every address of every host, with RSA\n"
    "and with ECDSA, then what would happen to a message, whose fault it is if it would wait,\n"
    "and the record that would mend it.\n"
    "\n"
    "  DOMAIN       a domain, a mail address, or an address literal; \"-\" reads a list, one a line\n"
    "  --in TIME    also what would happen by then: 30d, 2w (certificates and policies of that day)\n"
    "  --explain    with what the RFCs say\n"
    "  --json       one document a line; contrib/check.schema.json describes it\n"
    "\n"
    "More than one destination gives a table; they are checked side by side.\n"
    "exit status: 0 all would be delivered (by then too), 1 one would not, 2 usage,\n"
    "3 undetermined\n";
/* clang-format on */

struct destination {
    struct check *check;
    char *asked;
    char name[DNS_NAME_MAX];
    struct domain_check *domain;
    json_t *document;  /* NULL: not finished */
    UT_hash_handle hh; /* by name */
};

struct check {
    struct check_ctx ctx;
    char *detail; /* what ctx.resolver_detail points to */
    pid_t dns_pid;
    int restarts;
    struct timer state_timer, restart_timer;
    bool state_known;
    bool as_json, table, bar;
    struct destination **v, *by_name;
    size_t n, room, next, running, finished;
    enum check_answer worst;
    bool bad_name;
};

static void run_more(struct check *c);

/* ---- the list */

static void complain(struct check *c, const char *where, const char *text)
{
    fprintf(stderr, "danelaw check: %s\"", where);
    queue_text_safe(stderr, text);
    fputs("\" is no domain name\n", stderr);
    c->bad_name = true;
}

static void add_destination(struct check *c, const char *where, const char *text)
{
    char name[DNS_NAME_MAX];
    struct destination *d;

    if (!destination_parse(text, name)) {
        complain(c, where, text);
        return;
    }
    HASH_FIND_STR(c->by_name, name, d);
    if (d)
        return;
    d = base_alloc(sizeof(*d));
    d->check = c;
    d->asked = base_strdup(text);
    (void)slice_copy(slice_of(name), d->name, sizeof(d->name));
    HASH_ADD_STR(c->by_name, name, d);
    if (c->n == c->room) {
        c->room = c->room ? 2 * c->room : 16;
        c->v = base_realloc(c->v, c->room * sizeof(*c->v));
    }
    c->v[c->n++] = d;
}

static char *trim(char *line)
{
    char *end = line + strlen(line);

    while (end > line && strchr(" \t\r\n", end[-1]))
        *--end = '\0';
    return line + strspn(line, " \t");
}

/* With a NUL in it, or too long, it becomes a line that is no name. False: there is none left. */
static bool read_line(FILE *in, char line[LINE_MAX_OCTETS])
{
    size_t n = 0;
    int octet;

    while ((octet = getc(in)) != EOF && octet != '\n') {
        if (n < LINE_MAX_OCTETS - 1)
            line[n++] = octet ? (char)octet : '?';
        else
            line[n - 1] = '?';
    }
    line[n] = '\0';
    return n > 0 || octet != EOF;
}

/* One destination a line; blank lines and what begins with '#' are nothing. False: it cannot be
 * read. */
static bool read_list(struct check *c)
{
    char line[LINE_MAX_OCTETS], where[40];

    for (int number = 1; read_line(stdin, line); number++) {
        char *text = trim(line);
        (void)snprintf(where, sizeof(where), "line %d: ", number);
        if (*text && *text != '#')
            add_destination(c, where, text);
    }
    if (ferror(stdin))
        fprintf(stderr, "danelaw check: the list cannot be read: %s\n", strerror(errno));
    return !ferror(stdin);
}

/* ---- progress */

/* "[#####.....] 120/500 checked" on a terminal, rewritten in place. */
static void draw_bar(const struct check *c)
{
    char bar[BAR_WIDTH + 1];
    size_t full = c->n ? c->finished * BAR_WIDTH / c->n : BAR_WIDTH;

    if (!c->bar)
        return;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', full);
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %zu/%zu checked", bar, c->finished, c->n);
    (void)fflush(stderr);
}

static void clear_bar(const struct check *c)
{
    if (c->bar)
        fprintf(stderr, "\r%*s\r", BAR_WIDTH + 40, "");
}

/* ---- the run */

static void show(const struct check *c, json_t *document)
{
    if (c->as_json) {
        clear_bar(c);
        (void)json_dumpf(document, stdout, JSON_COMPACT);
        (void)putchar('\n');
        (void)fflush(stdout);
    } else if (!c->table) {
        check_print(document);
    }
}

static void on_domain(void *arg)
{
    struct destination *d = arg;
    struct check *c = d->check;
    enum check_answer answer;

    d->document = domain_check_close(&d->domain, &answer);
    c->worst = check_answer_worse(c->worst, answer);
    c->running--;
    c->finished++;
    show(c, d->document);
    if (c->as_json) { /* told; a table needs them all */
        json_decref(d->document);
        d->document = NULL;
    }
    draw_bar(c);
    run_more(c);
}

static void run_more(struct check *c)
{
    for (; c->next < c->n && c->running < DOMAINS_AT_ONCE; c->next++, c->running++) {
        struct destination *d = c->v[c->next];
        d->domain = domain_check_open(&c->ctx, d->asked, d->name, on_domain, d);
    }
    if (c->running == 0)
        loop_stop(c->ctx.loop);
}

/* ---- the resolver */

static void begin(struct check *c, const char *detail)
{
    if (c->state_known)
        return;
    c->state_known = true;
    c->ctx.resolver_detail = c->detail = base_strdup(detail);
    loop_timer_clear(c->ctx.loop, &c->state_timer);
    draw_bar(c);
    run_more(c);
}

static void on_state(void *arg, enum resolver_state state, const char *detail)
{
    if (state != RESOLVER_UNKNOWN)
        begin(arg, detail);
}

static void state_late(struct timer *t)
{
    begin(CONTAINER_OF(t, struct check, state_timer), "the self test did not end in time");
}

static bool start_dns(struct check *c)
{
    int pair[2];

    if (!spawn_pair(pair))
        return false;
    c->dns_pid = spawn_role("check-dns", c->ctx.settings->config->file, &pair[1], 1);
    close(pair[1]);
    if (c->dns_pid < 0) {
        close(pair[0]);
        return false;
    }
    dns_link_attach(c->ctx.dns, pair[0]);
    return true;
}

static void reap_dns(struct check *c)
{
    if (c->dns_pid > 0) {
        (void)kill(c->dns_pid, SIGKILL);
        (void)waitpid(c->dns_pid, NULL, 0);
    }
    c->dns_pid = 0;
}

/* As the supervisor does it; the link asks the new process all that is open. */
static void restart_dns(struct timer *t)
{
    struct check *c = CONTAINER_OF(t, struct check, restart_timer);

    reap_dns(c);
    c->ctx.dns_gone = c->restarts++ == RESTARTS_MAX || !start_dns(c);
    if (c->ctx.dns_gone)
        fputs("danelaw check: the dns process ends again and again\n", stderr);
}

static void on_dns_lost(void *arg)
{
    struct check *c = arg;
    loop_timer_set(c->ctx.loop, &c->restart_timer, RESTART_MS, restart_dns);
}

static void stop_dns(struct check *c)
{
    reap_dns(c);
    loop_timer_clear(c->ctx.loop, &c->restart_timer);
    dns_link_free(&c->ctx.dns);
}

static bool open_check(struct check *c, struct config *config)
{
    struct check_ctx *x = &c->ctx;
    struct buf errors;

    buf_init(&errors, 4096);
    /* A person waits for the answer: connecting and greeting get less time than a delivery. */
    config->delivery.timeouts.connect_ms = CONNECT_MS;
    config->delivery.timeouts.greeting_ms = GREETING_MS;
    bool ok = settings_new_outbound(config, &errors, &x->settings);
    fputs(buf_cstr(&errors), stderr);
    buf_free(&errors);
    if (!ok)
        return false;
    x->now_ms = clock_wall_ms();
    x->loop = loop_new("check");
    x->dns = dns_link_new(x->loop);
    x->worker = (struct worker_ctx){.loop = x->loop, .settings = x->settings, .dns = x->dns};
    list_init(&x->worker.sessions);
    dns_link_on_state(x->dns, on_state, c);
    dns_link_on_lost(x->dns, on_dns_lost, c);
    if (start_dns(c))
        return true;
    fprintf(stderr, "danelaw check: the dns process does not start: %s\n", strerror(errno));
    return false;
}

static void close_check(struct check *c)
{
    if (c->ctx.settings) {
        stop_dns(c);
        loop_free(&c->ctx.loop);
        settings_unref(&c->ctx.settings);
    }
    free(c->detail);
    HASH_CLEAR(hh, c->by_name);
    for (size_t i = 0; i < c->n; i++) {
        free(c->v[i]->asked);
        json_decref(c->v[i]->document);
        free(c->v[i]);
    }
    free(c->v);
}

static void print_table(const struct check *c)
{
    json_t **documents = base_alloc_array(c->n, sizeof(*documents));

    for (size_t i = 0; i < c->n; i++)
        documents[i] = c->v[i]->document;
    check_print_summary(documents, c->n);
    free(documents);
}

static void run(struct check *c)
{
    loop_timer_set(c->ctx.loop, &c->state_timer, STATE_WAIT_MS, state_late);
    loop_run(c->ctx.loop);
    clear_bar(c);
    if (c->table && !c->as_json)
        print_table(c);
}

/* ---- arguments */

static bool take_days(const char *text, int *out_days)
{
    static const struct {
        const char unit;
        int days;
    } units[] = {
        {'d', 1},
        {'w', 7}
    };
    struct slice s = text ? slice_of(text) : SLICE("");
    uint64_t n;

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (s.n < 2 || s.p[s.n - 1] != units[i].unit ||
            !slice_to_u64(slice_head(s, s.n - 1), CHECK_MAX_AHEAD_DAYS / units[i].days, &n) || !n)
            continue;
        *out_days = (int)n * units[i].days;
        return true;
    }
    fprintf(stderr, "danelaw check: --in takes days or weeks up to ten years, such as 30d or 2w\n");
    return false;
}

static bool take_arguments(struct check *c, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "--explain") == 0) {
            c->ctx.explain = true;
        } else if (strcmp(arg, "--in") == 0) {
            if (!take_days(argv[++i], &c->ctx.ahead_days))
                return false;
        } else if (strncmp(arg, "--in=", 5) == 0) {
            if (!take_days(arg + 5, &c->ctx.ahead_days))
                return false;
        } else if (strcmp(arg, "-") == 0) {
            c->table = true;
            if (!read_list(c))
                return false;
        } else if (arg[0] == '-') {
            fprintf(stderr, "danelaw check: unknown option \"%s\"\n", arg);
            return false;
        } else {
            add_destination(c, "", arg);
        }
    }
    if (argc == 0)
        fputs(check_command_help, stderr);
    return c->n > 0 || c->table;
}

int check_command(struct config *config, int argc, char **argv, bool as_json)
{
    struct check c = {.as_json = as_json, .ctx.resolver_detail = NULL};

    if (!take_arguments(&c, argc, argv)) {
        config_unref(&config);
        close_check(&c);
        return USAGE;
    }
    c.table |= c.n > 1;
    c.bar = c.table && isatty(STDERR_FILENO);
    bool opened = open_check(&c, config);
    if (opened)
        run(&c);
    close_check(&c);
    return !opened || c.bad_name ? USAGE : (int)c.worst;
}
