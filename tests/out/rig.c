#include "rig.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/base/clock.h"
#include "mta/out/delivery.h"
#include "mta/out/session.h"
#include "tests/mail/leaks.h"

static void log_line(const char *line, size_t n, void *arg)
{
    struct rig *r = arg;

    cr_assert(buf_append(&r->log, slice_make(line, n)));
}

static struct dest_facts *answer(void *arg, enum plan_kind kind, const char *name, uint16_t port)
{
    struct rig *r = arg;
    struct host_row rows[RIG_HOSTS + 1] = {{0}};
    char names[RIG_HOSTS][40];
    uint8_t data[RECORD_MAX];
    bool wrong = r->tlsa == TLSA_WRONG || (r->tlsa_replaced && r->questions > 0);
    struct dest_facts *f;

    r->questions++;
    for (size_t i = 0; i < r->n_hosts; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "mx%zu.example", i);
        rows[i] = (struct host_row){names[i], (uint16_t)(r->equal ? 10 : 10 * (i + 1)),
                                   r->hosts[i].address};
    }
    bool hosts = r->kind == DEST_MX || r->kind == DEST_HOST;
    f = facts_of(r->kind, name, hosts ? rows : NULL);
    f->port = port;
    f->n_steps = r->resolver_silent ? 0 : 1;
    f->ttl = r->ttl_s ? r->ttl_s : f->ttl;
    f->security = r->mx_insecure ? DNS_INSECURE : DNS_SECURE;
    for (size_t i = 0; i < f->n_hosts && r->tlsa == TLSA_ERROR; i++)
        f->hosts[i].tlsa_lookup = DNS_ERROR;
    for (size_t i = 0; i < f->n_hosts && (r->tlsa == TLSA_RIGHT || r->tlsa == TLSA_WRONG); i++)
        facts_add_tlsa(f, i, cert_record(&r->cert, 3, 1, 1, wrong, data));
    for (size_t i = 0; i < f->n_hosts && r->tlsa == TLSA_USELESS; i++) /* no certificate, says OpenSSL */
        facts_add_tlsa(f, i, (struct tlsa_record){.usage = 3, .data = (uint8_t *)"junk", .len = 4});
    return f;
}

static void configure(struct rig *r)
{
    r->hop_host = (struct hop_host){.name = "d.example", .mx_lookup = true};
    r->hop = (struct next_hop_config){.name = "hop", .hosts = &r->hop_host, .n_hosts = 1};
    r->route = (struct route_config){.pattern = "*", .to = &r->hop};
    r->config = (struct config){.refs = 1000,
                                .hostname = "relay.example",
                                .state_directory = r->dir,
                                .runtime_directory = r->dir,
                                .next_hops = &r->hop,
                                .n_next_hops = 1,
                                .routes = &r->route,
                                .n_routes = 1,
                                .workers = 1};
    r->config.delivery = (struct delivery_config){.tls = TLS_LEVEL_DANE,
                                                  .retry_min_ms = 300000,
                                                  .retry_max_ms = 14400000,
                                                  .expire_ms = 432000000,
                                                  .destination_concurrency = 20,
                                                  .connection_idle_ms = 400};
    r->config.delivery.timeouts.dns_ms = r->config.delivery.timeouts.connect_ms = 2000;
    r->config.delivery.timeouts.greeting_ms = r->config.delivery.timeouts.command_ms = 2000;
    r->config.delivery.timeouts.tls_ms = r->config.delivery.timeouts.data_start_ms = 2000;
    r->config.delivery.timeouts.data_block_ms = r->config.delivery.timeouts.final_dot_ms = 5000;
}

struct rig *rig_new(size_t hosts)
{
    static const char *const addresses[RIG_HOSTS] = {"127.0.0.10", "127.0.0.11", "127.0.0.12"};
    struct rig *r = base_alloc(sizeof(*r));
    struct cert_wish wish = {.cn = "mx0.example", .san = "DNS:mx0.example,DNS:mx1.example"};

    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(r->dir, sizeof(r->dir), "/tmp/danelaw-out-XXXXXX");
    cr_assert(mkdtemp(r->dir));
    buf_init(&r->log, 8 << 20);
    log_capture(log_line, r);
    log_setup(LOG_TEXT, LOG_DEBUG);
    configure(r);
    r->cert = cert_make(&wish);
    r->server_tls = cert_server(&r->cert, NULL);
    r->n_hosts = hosts;
    r->kind = DEST_MX;
    r->domain = "d.example";
    r->resolver = RESOLVER_VALIDATES;
    for (size_t i = 0; i < hosts; i++)
        r->hosts[i] = (struct fake){.address = addresses[i], .pipelining = true};
    return r;
}

static void run_job(struct job *job, void *arg)
{
    struct rig *r = arg;

    delivery_start(&r->worker, job);
}

static void make_settings(struct rig *r)
{
    struct buf errors;

    buf_init(&errors, 4096);
    r->settings = base_alloc(sizeof(*r->settings));
    r->settings->refs = 1;
    r->settings->config = &r->config;
    r->settings->passwords = &r->password;
    cr_assert(tls_clients_init(&r->settings->tls, &errors), "%s", buf_cstr(&errors));
    buf_free(&errors);
}

void rig_start(struct rig *r)
{
    char bodies[80];

    for (size_t i = 0; i < r->n_hosts; i++)
        fake_start(&r->hosts[i], r->hosts[0].port);
    r->hop_host.port = r->hosts[0].port ? r->hosts[0].port : 25;
    (void)snprintf(bodies, sizeof(bodies), "%s/bodies", r->dir);
    cr_assert_eq(mkdir(bodies, 0700), 0);
    make_settings(r);
    r->main = loop_new("main");
    r->loop = loop_new("worker");
    r->queue_loop = loop_new("queue");
    r->sync_loop = loop_new("sync");
    r->store = store_memory_open();
    r->queue = queue_new(r->queue_loop, r->sync_loop, r->store, &r->config, r->dir);
    queue_add_worker(r->queue, r->loop, run_job, r);
    cr_assert(queue_start(r->queue));
    r->dns = dns_link_new(r->main);
    dns_link_script(r->dns, answer, r, r->resolver);
    r->worker = (struct worker_ctx){
        .loop = r->loop, .settings = r->settings, .queue = r->queue, .dns = r->dns};
    r->worker.pool = pool_new(&r->worker);
    list_init(&r->worker.sessions);
}

static bool pump(struct rig *r)
{
    bool any = loop_pump(r->main);

    any |= loop_pump(r->queue_loop);
    any |= loop_pump(r->sync_loop);
    any |= loop_pump(r->loop);
    return any;
}

void rig_pump_ms(struct rig *r, int ms)
{
    int64_t end = clock_mono_ms() + ms;

    while (clock_mono_ms() < end)
        if (!pump(r))
            (void)usleep(500);
}

static int count_logged(struct rig *r, const char *text)
{
    int n = 0;

    for (const char *p = buf_cstr(&r->log); (p = strstr(p, text)) != NULL; p += strlen(text))
        n++;
    return n;
}

bool rig_logged(struct rig *r, const char *text)
{
    return count_logged(r, text) > 0;
}

void rig_pump_until_logged(struct rig *r, const char *text, int times)
{
    int64_t end = clock_mono_ms() + 10000;

    while (count_logged(r, text) < times) {
        if (!pump(r))
            (void)usleep(500);
        cr_assert(clock_mono_ms() < end, "\"%s\" was not logged %d times in\n%s", text, times,
                  buf_cstr(&r->log));
    }
    rig_pump_ms(r, 20);
}

static void submitted(struct queue_submit *s)
{
    struct rig *r = CONTAINER_OF(s, struct rig, submit);

    cr_assert(status_ok(&s->status), "%s", s->status.text);
    r->submitted = true;
}

static struct message *make_message(const struct rig *r, const char *sender, const char *recipients,
                                    size_t size)
{
    struct message *m = message_new();
    static const char marked[] = "Subject: marked header\r\n\r\n.dot\r\nmarked body\r\n";
    struct slice rest = slice_of(recipients);
    struct buf content;

    message_make_id(m->id);
    m->arrival_ms = clock_wall_ms() - r->age_ms;
    free(m->sender);
    m->sender = base_strdup(sender);
    while (rest.n) {
        size_t end = slice_find(rest, ' ');
        struct slice address = slice_head(rest, end);
        struct slice domain = slice_skip(address, slice_find(address, '@') + 1);
        (void)message_add_rcpt(m, address, r->domain ? slice_of(r->domain) : domain);
        rest = slice_skip(rest, end + 1);
    }
    buf_init(&content, size + 65536);
    cr_assert(buf_append(&content, slice_of(r->content ? r->content : marked)));
    while (content.n < size)
        cr_assert(
            buf_append(&content, SLICE("0123456789012345678901234567890123456789012345678\r\n")));
    m->body = body_of_memory(buf_slice(&content));
    m->size = content.n;
    buf_free(&content);
    if (r->adjust)
        r->adjust(m);
    return m;
}

void rig_submit_sized(struct rig *r, const char *sender, const char *recipients, size_t size)
{
    r->submit = (struct queue_submit){
        .home = r->main, .done = submitted, .message = make_message(r, sender, recipients, size)};
    r->submitted = false;
    queue_submit(r->queue, &r->submit);
    while (!r->submitted)
        (void)pump(r);
}

void rig_submit(struct rig *r, const char *sender, const char *recipients)
{
    rig_submit_sized(r, sender, recipients, 0);
}

static void forget_messages(struct rig *r)
{
    for (size_t i = 0; i < r->n_found; i++)
        message_free(&r->found[i]);
    r->n_found = 0;
}

size_t rig_messages(struct rig *r)
{
    struct message *rows[ARRAY_LEN(r->found)];
    enum store_result result;

    forget_messages(r);
    size_t n = r->store->ops->scan(r->store, 0, ARRAY_LEN(rows), rows, &result);
    for (size_t i = 0; i < n; i++) {
        r->found[i] = r->store->ops->load(r->store, rows[i]->row, true, &result);
        message_free(&rows[i]);
    }
    r->n_found = n;
    return n;
}

static void remove_tree(const char *dir)
{
    char command[128];

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    cr_assert_eq(system(command), 0);
}

void rig_free(struct rig **rp)
{
    struct rig *r = *rp;

    rig_pump_ms(r, 30);
    for (int i = 0; i < 50 && queue_jobs_out(r->queue) > 0; i++) /* a delivery puts its session there */
        rig_pump_ms(r, 10);
    pool_free(&r->worker.pool);
    rig_pump_ms(r, 30);
    for (size_t i = 0; i < r->n_hosts; i++)
        fake_stop(&r->hosts[i]);
    rig_pump_ms(r, 30);
    forget_messages(r);
    queue_free(&r->queue);
    dns_link_free(&r->dns);
    loop_free(&r->loop);
    loop_free(&r->main);
    loop_free(&r->queue_loop);
    loop_free(&r->sync_loop);
    log_capture(NULL, NULL);
    cr_assert_eq(r->settings->refs, 1u, "a session is left");
    tls_clients_free(&r->settings->tls);
    free(r->settings);
    SSL_CTX_free(r->server_tls);
    cert_free(&r->cert);
    buf_free(&r->log);
    remove_tree(r->dir);
    free(r);
    *rp = NULL;
    no_leaks();
}

void rig_host_has_tls(struct rig *r, size_t i)
{
    r->hosts[i].tls = r->server_tls;
}

struct rig *rig_of(size_t hosts, bool tls)
{
    struct rig *r = rig_new(hosts);

    for (size_t i = 0; i < hosts && tls; i++)
        rig_host_has_tls(r, i);
    return r;
}

void rig_must_log(struct rig *r, const char *text)
{
    cr_assert(rig_logged(r, text), "no \"%s\" in\n%s", text, buf_cstr(&r->log));
}
