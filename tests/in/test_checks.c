/* What DNS says of a client, and whether recipients exist, in whole sessions: DNS from a script, the next
 * hop's word from another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/query.h"
#include "mta/in/recipient_files.h"
#include "rig.h"

struct answer {
    const char *name;
    uint16_t type;
    const char *data; /* "!": an error; absent: no such name */
};

static struct scene {
    struct rig *r;
    struct loop *dns_loop;
    struct dns_link *dns;
    const struct answer *answers;
    int asked;
    struct dnsbl_config lists[2];
    enum verify_answer verify;
    struct status said;
    int verified;
    bool slow;
    struct verify_request *pending;
} x;

static struct dns_records script(void *arg, uint16_t type, const char *name)
{
    struct dns_records r = {.lookup = DNS_NXDOMAIN, .ttl = 60};

    x.asked++;
    for (const struct answer *a = x.answers; a && a->name; a++) {
        if (a->type != type || strcmp(a->name, name) != 0)
            continue;
        if (a->data[0] == '!')
            return dns_records_failed("SERVFAIL");
        r.lookup = DNS_DATA;
        if (type == DNS_TXT)
            (void)slice_copy(slice_of(a->data), r.text, sizeof(r.text));
        else if (type == DNS_PTR)
            (void)slice_copy(slice_of(a->data), r.names[r.n_names++], DNS_NAME_MAX);
        else
            cr_assert(ip_parse(slice_of(a->data), &r.addresses[r.n_addresses++]));
    }
    return r;
}

static void come_home(struct msg *m)
{
    struct verify_request *r = CONTAINER_OF(m, struct verify_request, msg);
    r->done(r);
}

static void answer(struct verify_request *r)
{
    r->answer = x.verify;
    r->status = x.said;
    loop_post(r->home, &r->msg, come_home);
}

static void verify(struct verifier *v, struct verify_request *r)
{
    x.verified++;
    if (x.slow)
        x.pending = r;
    else
        answer(r);
}

static void begin(const struct answer *answers)
{
    x.r = rig_new();
    x.answers = answers;
    x.dns = dns_link_new(x.r->loop);
    dns_link_script_queries(x.dns, script, NULL);
    x.r->worker.dns = x.dns;
    x.r->worker.verify = verify;
    cr_assert(ip_parse_net(SLICE("10.0.0.0/8"), &x.r->clients[0]));
}

static void end(void)
{
    struct rig *r = x.r;

    rig_close(r);
    dns_link_free(&x.dns);
    recipient_files_unref(&r->worker.recipients);
    rig_free(&r);
    memset(&x, 0, sizeof(x));
}

static void say(const char *line, const char *want)
{
    rig_write(x.r, slice_of(line));
    rig_write(x.r, SLICE("\r\n"));
    rig_expect(x.r, want);
}

static void come_to_rcpt(const char *from, const char *helo)
{
    char line[300];

    rig_connect(x.r, from);
    rig_expect(x.r, "220 ");
    (void)snprintf(line, sizeof(line), "EHLO %s", helo);
    say(line, "250-");
    say("MAIL FROM:<s@a.example>", "250 2.1.0");
}

static bool logged(const char *text)
{
    return strstr(buf_cstr(&x.r->log), text) != NULL;
}

static void use_lists(void)
{
    x.lists[0] = (struct dnsbl_config){.zone = "zen.example"};
    x.lists[1] = (struct dnsbl_config){
        .zone = "list.example", .filtered = true, .first = 0x7f000002, .last = 0x7f00000b};
    x.r->listener.checks.dnsbl = x.lists;
    x.r->listener.checks.n_dnsbl = 2;
}

static const struct {
    const char *what;
    struct answer answers[6];
    const char *reply;
} listings[] = {
    {"not listed", {{0}}, "250 2.1.5"},
    {"listed, with words", {{"9.2.0.192.zen.example", DNS_A, "127.0.0.2"},
                            {"9.2.0.192.zen.example", DNS_TXT, "see https://zen.example/9"}},
     "550 5.7.1 Client [192.0.2.9] is listed by zen.example: see https://zen.example/9\r\n"},
    {"listed, without", {{"9.2.0.192.zen.example", DNS_A, "127.0.0.2"}},
     "550 5.7.1 Client [192.0.2.9] is listed by zen.example\r\n"},
    {"listed by the second", {{"9.2.0.192.list.example", DNS_A, "127.0.0.3"}},
     "550 5.7.1 Client [192.0.2.9] is listed by list.example\r\n"},
    {"another answer than the configured", {{"9.2.0.192.list.example", DNS_A, "127.0.0.12"}}, "250 2.1.5"},
    {"no answer of a list", {{"9.2.0.192.zen.example", DNS_A, "192.0.2.1"}}, "250 2.1.5"},
    {"a list in trouble", {{"9.2.0.192.zen.example", DNS_A, "!"}}, "250 2.1.5"},
    {"a list in trouble beside one that lists", {{"9.2.0.192.zen.example", DNS_A, "!"},
                                                 {"9.2.0.192.list.example", DNS_A, "127.0.0.3"}},
     "550 5.7.1 Client [192.0.2.9] is listed by list.example\r\n"},
    {"words in trouble", {{"9.2.0.192.zen.example", DNS_A, "127.0.0.2"},
                          {"9.2.0.192.zen.example", DNS_TXT, "!"}},
     "550 5.7.1 Client [192.0.2.9] is listed by zen.example\r\n"},
};

Test(checks, lists)
{
    for (size_t i = 0; i < ARRAY_LEN(listings); i++) {
        begin(listings[i].answers);
        use_lists();
        come_to_rcpt("192.0.2.9", "client.example");
        say("RCPT TO:<r@ours.example>", listings[i].reply);
        bool refused = listings[i].reply[0] == '5';
        cr_expect_eq(logged("from=<s@a.example>, to=<r@ours.example>, reply=550"), refused, "%s",
                     listings[i].what);
        say("RCPT TO:<PostMaster@ours.example>", "250 2.1.5"); /* RFC 5321 §4.5.1 */
        say("RCPT TO:<postmaster>", "250 2.1.5");
        end();
    }
}

Test(checks, clients_are_not_asked_about)
{
    begin((struct answer[]){{"9.0.0.10.zen.example", DNS_A, "127.0.0.2"}, {0}});
    use_lists();
    x.r->listener.checks.client_name = x.r->listener.checks.helo = CHECK_REQUIRE;
    come_to_rcpt("10.0.0.9", "nonsense.example");
    say("RCPT TO:<r@ours.example>", "250 2.1.5");
    say("RCPT TO:<r@elsewhere.example>", "250 2.1.5");
    cr_expect_eq(x.asked, 0);
    end();
}

static const struct {
    const char *what;
    struct answer answers[6];
    const char *reply, *found; /* found: in the log line of mode "log" */
    const char *name;          /* that holds, or NULL */
} names[] = {
    {"one name", {{"9.2.0.192.in-addr.arpa", DNS_PTR, "c.example"}, {"c.example", DNS_A, "192.0.2.9"}},
     "250 2.1.5", NULL, "c.example"},
    {"the second of two", {{"9.2.0.192.in-addr.arpa", DNS_PTR, "b.example"},
                           {"9.2.0.192.in-addr.arpa", DNS_PTR, "c.example"},
                           {"b.example", DNS_A, "192.0.2.8"}, {"c.example", DNS_A, "192.0.2.9"}},
     "250 2.1.5", NULL, "c.example"},
    {"one in trouble, one that holds", {{"9.2.0.192.in-addr.arpa", DNS_PTR, "b.example"},
                           {"9.2.0.192.in-addr.arpa", DNS_PTR, "c.example"},
                           {"b.example", DNS_A, "!"}, {"c.example", DNS_A, "192.0.2.9"}},
     "250 2.1.5", NULL, "c.example"},
    {"none", {{0}}, "550 5.7.25 ", "it has no name", NULL},
    {"no Domain of SMTP", {{"9.2.0.192.in-addr.arpa", DNS_PTR, "a_b.example"},
                           {"a_b.example", DNS_A, "192.0.2.9"}},
     "550 5.7.25 ", "it has no name", NULL},
    {"another's", {{"9.2.0.192.in-addr.arpa", DNS_PTR, "c.example"}, {"c.example", DNS_A, "192.0.2.8"}},
     "550 5.7.25 ", "no name of it leads back to it", NULL},
    {"a name without address", {{"9.2.0.192.in-addr.arpa", DNS_PTR, "c.example"}},
     "550 5.7.25 ", "no name of it leads back to it", NULL},
    {"trouble", {{"9.2.0.192.in-addr.arpa", DNS_PTR, "!"}},
     "450 4.7.25 ", "its name could not be looked up", NULL},
    {"trouble with its address", {{"9.2.0.192.in-addr.arpa", DNS_PTR, "c.example"},
                                  {"c.example", DNS_A, "!"}},
     "450 4.7.25 ", "the addresses of its name could not be looked up", NULL},
};

static void expect_trace(const char *name)
{
    char want[100], content[1000] = "";

    say("DATA", "354");
    say("Subject: x\r\n\r\nx\r\n.", "250 2.0.0");
    struct message *m = rig_message(x.r);
    cr_assert(body_read(m->body, 0, content, sizeof(content) - 1) > 0);
    (void)snprintf(want, sizeof(want), name ? "(%s [192.0.2.9])" : "(%s[192.0.2.9])", name ? name : "");
    cr_expect_not_null(strstr(content, want), "%s in %s", want, content);
    (void)snprintf(want, sizeof(want), name ? "client=%s[192.0.2.9]" : "client=%s192.0.2.9",
                   name ? name : "");
    cr_expect(logged(want), "%s", want);
    message_free(&m);
}

Test(checks, names_required)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        begin(names[i].answers);
        x.r->listener.checks.client_name = CHECK_REQUIRE;
        come_to_rcpt("192.0.2.9", "client.example");
        say("RCPT TO:<r@ours.example>", names[i].reply);
        if (names[i].name)
            expect_trace(names[i].name);
        end();
    }
}

Test(checks, names_logged)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        begin(names[i].answers);
        x.r->listener.checks.client_name = CHECK_LOG;
        come_to_rcpt("192.0.2.9", "client.example");
        say("RCPT TO:<r@ours.example>", "250 2.1.5");
        expect_trace(names[i].name);
        cr_expect_eq(logged("check=client_name"), names[i].found != NULL, "%s", names[i].what);
        cr_expect(!names[i].found || logged(names[i].found), "%s", names[i].what);
        end();
    }
}

Test(checks, name_of_an_ipv6_client)
{
    begin((struct answer[]){
        {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", DNS_PTR, "c.example"},
        {"c.example", DNS_AAAA, "2001:db8::1"},
        {0}});
    x.r->listener.checks.client_name = CHECK_REQUIRE;
    come_to_rcpt("2001:db8::1", "client.example");
    say("RCPT TO:<r@ours.example>", "250 2.1.5");
    end();
}

static const struct {
    const char *helo;
    struct answer answers[4];
    const char *reply;
} helos[] = {
    {"c.example", {{"c.example", DNS_A, "198.51.100.7"}}, "250 2.1.5"}, /* not the client's own: §4.1.4 */
    {"C.Example", {{"c.example", DNS_AAAA, "2001:db8::9"}}, "250 2.1.5"},
    {"c.example", {{0}}, "550 5.7.1 HELO name c.example has no address"},
    {"c.example", {{"c.example", DNS_A, "!"}}, "450 4.7.1 "},
    {"c.example", {{"c.example", DNS_A, "!"}, {"c.example", DNS_AAAA, "2001:db8::9"}}, "250 2.1.5"},
    {"[192.0.2.9]", {{0}}, "250 2.1.5"},
    {"[192.0.2.8]", {{0}}, "550 5.7.1 "},
    {"[IPv6:2001:db8::1]", {{0}}, "550 5.7.1 "},
};

Test(checks, helo)
{
    for (size_t i = 0; i < ARRAY_LEN(helos); i++) {
        begin(helos[i].answers);
        x.r->listener.checks.helo = CHECK_REQUIRE;
        come_to_rcpt("192.0.2.9", helos[i].helo);
        say("RCPT TO:<r@ours.example>", helos[i].reply);
        end();
        begin(helos[i].answers);
        x.r->listener.checks.helo = CHECK_LOG;
        come_to_rcpt("192.0.2.9", helos[i].helo);
        say("RCPT TO:<r@ours.example>", "250 2.1.5");
        cr_expect_eq(logged("check=helo"), helos[i].reply[0] != '2', "%s", helos[i].helo);
        end();
    }
}

/* The HELO that counts is the last one before MAIL. */
Test(checks, another_helo)
{
    begin((struct answer[]){{"c.example", DNS_A, "198.51.100.7"}, {0}});
    x.r->listener.checks.helo = CHECK_REQUIRE;
    come_to_rcpt("192.0.2.9", "nothing.example");
    say("RCPT TO:<r@ours.example>", "550 5.7.1");
    say("EHLO c.example", "250-");
    say("MAIL FROM:<s@a.example>", "250 2.1.0");
    say("RCPT TO:<r@ours.example>", "250 2.1.5");
    end();
}

/* ---- a resolver that does not answer */

static void begin_silent(void)
{
    begin(NULL);
    use_lists();
    x.r->listener.checks.client_name = CHECK_REQUIRE;
    dns_link_script_queries(x.dns, NULL, NULL); /* no process at all */
}

Test(checks, patience_ends)
{
    begin_silent();
    come_to_rcpt("192.0.2.9", "client.example"); /* the greeting waits for nothing */
    rig_write(x.r, SLICE("RCPT TO:<r@ours.example>\r\nNOOP\r\n"));
    rig_read(x.r);
    cr_expect_eq(x.r->got.n, 0, "RCPT waits, and what is behind it");
    rig_advance(x.r, 8000);
    rig_expect(x.r, "450 4.7.25 ");
    rig_expect(x.r, "250 2.0.0");
    end();
}

/* The client goes while lookups are out, before and while RCPT waits for them. */
Test(checks, client_goes)
{
    for (int waits = 0; waits < 2; waits++) {
        begin_silent();
        come_to_rcpt("192.0.2.9", "client.example");
        if (waits)
            rig_write(x.r, SLICE("RCPT TO:<r@ours.example>\r\n"));
        rig_close(x.r);
        cr_expect_eq(x.r->ended, !waits, "what does not wait holds nothing");
        cr_expect(!dns_link_is_quiet(x.dns));
        rig_advance(x.r, 8000);
        cr_expect_eq(x.r->ended, 1);
        cr_expect(dns_link_is_quiet(x.dns));
        end();
    }
}

/* ---- recipients */

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void use_file(const char *path, const char *text)
{
    struct buf errors;

    write_file(path, text);
    x.r->domain.recipients_file = path;
    buf_init(&errors, 4096);
    cr_assert(recipient_files_load(&x.r->config, NULL, &errors, &x.r->worker.recipients), "%s",
              buf_cstr(&errors));
    buf_free(&errors);
}

Test(checks, recipients_file)
{
    char path[100];

    begin(NULL);
    (void)snprintf(path, sizeof(path), "%s/r.txt", x.r->dir);
    x.r->domain.recipient_delimiter = "+";
    use_file(path, "anna@ours.example\n");
    come_to_rcpt("192.0.2.9", "client.example");
    say("RCPT TO:<Anna+x@Ours.example>", "250 2.1.5");
    say("RCPT TO:<bert@ours.example>", "550 5.1.1 <bert@ours.example>: no such recipient here");
    say("RCPT TO:<postmaster@ours.example>", "250 2.1.5");
    say("RCPT TO:<r@elsewhere.example>", "554 5.7.1");
    end();
}

Test(checks, recipients_file_changes)
{
    struct recipient_files *f, *fresh;
    char path[100];
    struct buf errors;

    begin(NULL);
    (void)snprintf(path, sizeof(path), "%s/r.txt", x.r->dir);
    use_file(path, "anna@ours.example\n");
    f = x.r->worker.recipients;
    buf_init(&errors, 4096);
    cr_expect(!recipient_files_poll(f));
    cr_assert(recipient_files_load(&x.r->config, f, &errors, &fresh));
    cr_expect_eq(recipient_files_find(f, path), recipient_files_find(fresh, path), "shared, not read again");
    recipient_files_unref(&fresh);
    write_file(path, "anna@ours.example\nbert@ours.example\n");
    cr_expect(!recipient_files_poll(f), "it may be under way");
    cr_expect(recipient_files_poll(f), "it rests");
    cr_expect(!recipient_files_poll(f), "told once");
    cr_assert(recipient_files_load(&x.r->config, f, &errors, &fresh));
    cr_expect_eq(recipient_files_count(fresh), 2);
    cr_expect(!recipient_files_poll(fresh));
    recipient_files_unref(&x.r->worker.recipients);
    x.r->worker.recipients = f = fresh;
    write_file(path, "a b c\n");
    (void)recipient_files_poll(f);
    cr_expect(recipient_files_poll(f));
    cr_expect(!recipient_files_load(&x.r->config, f, &errors, &fresh));
    cr_expect_not_null(strstr(buf_cstr(&errors), "/r.txt:1:3: \"b c\" is one thing too many"));
    cr_assert_eq(remove(path), 0);
    (void)recipient_files_poll(f);
    cr_expect(recipient_files_poll(f), "gone is a change too");
    cr_expect(!recipient_files_load(&x.r->config, f, &errors, &fresh));
    buf_free(&errors);
    end();
}

static const struct {
    enum verify_answer answer;
    unsigned code;
    const char *said, *reply;
} verdicts[] = {
    {VERIFY_ACCEPT,  0,   "",                       "250 2.1.5"                                            },
    {VERIFY_REFUSE,  550, "5.1.1 no such user",     "550 5.1.1 <r@ours.example>: the next hop says: 5.1.1 no such user\r\n"},
    {VERIFY_REFUSE,  550, "no such user",           "550 5.1.1 <r@ours.example>: the next hop says: no such user\r\n"},
    {VERIFY_REFUSE,  554, "5.2.1 mailbox disabled", "550 5.2.1 <r@ours.example>: the next hop says: "       },
    {VERIFY_UNKNOWN, 451, "4.7.1 greylisted",       "450 4.7.1 <r@ours.example>: the next hop says: "       },
    {VERIFY_UNKNOWN, 0,   "",                       "450 4.4.1 <r@ours.example>: connection failed\r\n"     },
};

Test(checks, next_hop_is_asked)
{
    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++) {
        begin(NULL);
        x.r->domain.verify_recipients = true;
        x.verify = verdicts[i].answer;
        x.said = verdicts[i].code ? status_from_reply((uint16_t)verdicts[i].code, slice_of(verdicts[i].said))
                                  : status_of(CAUSE_CONNECT_FAILED);
        come_to_rcpt("192.0.2.9", "client.example");
        say("RCPT TO:<r@ours.example>", verdicts[i].reply);
        say("RCPT TO:<postmaster@ours.example>", "250 2.1.5");
        cr_expect_eq(x.verified, 1);
        end();
    }
}

Test(checks, next_hop_takes_its_time)
{
    begin(NULL);
    x.r->domain.verify_recipients = true;
    x.slow = true;
    come_to_rcpt("192.0.2.9", "client.example");
    rig_write(x.r, SLICE("RCPT TO:<r@ours.example>\r\nNOOP\r\n"));
    rig_read(x.r);
    cr_expect_eq(x.r->got.n, 0);
    cr_assert_str_eq(x.pending->address, "r@ours.example");
    cr_assert_str_eq(x.pending->domain, "ours.example");
    answer(x.pending);
    rig_expect(x.r, "250 2.1.5");
    rig_expect(x.r, "250 2.0.0");
    end();
}

/* Lookups are withdrawn; a request to the verifier comes home first, as it does within seconds. */
Test(checks, relay_stops_while_it_waits)
{
    for (int dns = 0; dns < 2; dns++) {
        dns ? begin_silent() : begin(NULL);
        x.r->domain.verify_recipients = x.slow = true;
        come_to_rcpt("192.0.2.9", "client.example");
        rig_write(x.r, SLICE("RCPT TO:<r@ours.example>\r\n"));
        in_session_stop_all(&x.r->worker);
        rig_advance(x.r, 7900);
        cr_expect_eq(x.r->ended, 0);
        rig_advance(x.r, 200);
        cr_expect_eq(x.r->ended, dns);
        if (!dns)
            answer(x.pending);
        rig_pump(x.r);
        cr_expect_eq(x.r->ended, 1);
        end();
    }
}
