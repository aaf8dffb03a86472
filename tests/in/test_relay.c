/* The relay rule against the forms that open relays were found with. Each must be refused to
 * a stranger, by the grammar or by the rule; and a domain of ours must not lead further. */
#include <criterion/criterion.h>

#include "mta/in/relay.h"

static struct domain_config ours[] = {{.pattern = "relay.tst"}, {.pattern = ".sub.tst"}};
static struct config host_only = {.hostname = "relay.tst"};
static struct config accepted = {.hostname = "relay.tst", .domains = ours, .n_domains = 2};

struct form {
    const char *path;
    bool ours; /* is for relay.tst itself, once that is a domain of ours */
};

static const struct form forms[] = {
    {"<v@ext.tst>",                 false},
    {"<v%ext.tst@relay.tst>",       true },
    {"<v%ext.tst@[192.0.2.1]>",     false},
    {"<\"v@ext.tst\">",             false},
    {"<\"v%ext.tst\">",             false},
    {"<v@ext.tst@relay.tst>",       false},
    {"<v@ext.tst@[192.0.2.1]>",     false},
    {"<\"v@ext.tst\"@relay.tst>",   true },
    {"<\"v@ext.tst\"@[192.0.2.1]>", false},
    {"<@relay.tst:v@ext.tst>",      false},
    {"<@[192.0.2.1]:v@ext.tst>",    false},
    {"<ext.tst!v>",                 false},
    {"<ext.tst!v@relay.tst>",       true },
    {"<ext.tst!v@[192.0.2.1]>",     false},
    {"<v@ext.tst.>",                false},
    {"v@ext.tst",                   false},
    {"< v@ext.tst >",               false},
    {"<v@EXT.TST>",                 false},
    {"<v@relay.tst.ext.tst>",       false},
    {"<v@xrelay.tst>",              false},
    {"<v@sub.tst>",                 false},
    {"<v@[IPv6:2001:db8::1]>",      false},
    {"<v@RELAY.tst>",               true },
    {"<v@a.sub.tst>",               true },
    {"<>",                          false},
    {"<v>",                         false},
};

static struct status judge(const struct config *c, const struct listener_config *l,
                           const char *path, const char *client, struct address *a)
{
    struct slice in = slice_of(path);
    struct ip ip;
    enum cause cause = address_parse_path(&in, ADDRESS_RECIPIENT, false, a);

    cr_assert(ip_parse(slice_of(client), &ip));
    if (cause == CAUSE_OK && in.n == 0)
        return relay_check(c, l, &ip, false, a);
    return status_of(cause == CAUSE_OK ? CAUSE_BAD_ARGUMENT : cause);
}

Test(relay, strangers_get_nowhere)
{
    static const struct listener_config l = {.name = "mx"};

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct address a;
        struct status st = judge(&host_only, &l, forms[i].path, "10.9.9.9", &a);
        cr_expect_eq(st.code / 100, 5, "%s: %u", forms[i].path, st.code);
    }
}

Test(relay, our_domains_and_no_further)
{
    static const struct listener_config l = {.name = "mx"};

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct address a;
        struct status st = judge(&accepted, &l, forms[i].path, "10.9.9.9", &a);
        cr_expect_eq(status_ok(&st), forms[i].ours, "%s: %u %s", forms[i].path, st.code, st.text);
        if (status_ok(&st)) /* the local part is as it was written */
            cr_expect(strncmp(a.text, forms[i].path + 1, a.local_len) == 0, "%s", forms[i].path);
    }
}

Test(relay, clients_by_network)
{
    struct ip_net nets[2];
    struct listener_config l = {.name = "lan", .clients = nets, .n_clients = 2};
    static const struct {
        const char *client, *path;
        bool ok;
    } rows[] = {
        {"10.1.2.3",        "<v@ext.tst>",     true },
        {"10.255.255.255",  "<v@[192.0.2.9]>", true },
        {"11.0.0.0",        "<v@ext.tst>",     false},
        {"fd00::1",         "<v@ext.tst>",     true },
        {"fe00::1",         "<v@ext.tst>",     false},
        {"::ffff:10.0.0.1", "<v@ext.tst>",     true },
        {"::ffff:11.0.0.1", "<v@ext.tst>",     false},
        {"11.0.0.0",        "<v@relay.tst>",   true },
    };

    cr_assert(ip_parse_net(SLICE("10.0.0.0/8"), &nets[0]));
    cr_assert(ip_parse_net(SLICE("fd00::/8"), &nets[1]));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct address a;
        struct status st = judge(&accepted, &l, rows[i].path, rows[i].client, &a);
        cr_expect_eq(status_ok(&st), rows[i].ok, "%s %s", rows[i].client, rows[i].path);
    }
}

Test(relay, postmaster_is_always_heard)
{
    static const struct listener_config l = {.name = "mx"};
    struct address a;
    struct status st = judge(&host_only, &l, "<PostMaster>", "10.9.9.9", &a);
    cr_expect(status_ok(&st), "%s", st.text);
}

Test(relay, says_who_was_refused)
{
    static const struct listener_config l = {.name = "mx"};
    struct address a;
    struct status st = judge(&host_only, &l, "<V@Ext.tst>", "10.9.9.9", &a);
    cr_expect_eq(st.cause, CAUSE_RELAY_DENIED);
    cr_expect_eq(st.code, 554);
    cr_expect_str_eq(st.text, "<V@Ext.tst>: Relay access denied");
}

/* Who has authenticated may relay anywhere, but not where there is nothing to relay to. */
Test(relay, authenticated)
{
    struct listener_config l = {.name = "lan"};
    struct slice out = SLICE("<v@ext.tst>");
    struct address a;
    struct ip ip;

    cr_assert(ip_parse(SLICE("10.9.9.9"), &ip));
    cr_assert_eq(address_parse_path(&out, ADDRESS_RECIPIENT, false, &a), CAUSE_OK);
    cr_expect_eq(relay_check(&host_only, &l, &ip, true, &a).cause, CAUSE_OK);
    cr_expect_eq(relay_check(&host_only, &l, &ip, false, &a).cause, CAUSE_RELAY_DENIED);
    a = (struct address){.kind = ADDRESS_NULL};
    cr_expect_eq(relay_check(&host_only, &l, &ip, true, &a).cause, CAUSE_BAD_RECIPIENT_ADDRESS);
}
