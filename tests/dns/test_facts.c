/* The codec of facts: what goes in comes out, and nothing else comes out. */
#include <stdlib.h>
#include <string.h>

#include "config/base/arena.h"
#include "dns/facts_priv.h"
#include "tests/dns/leaks.h"
#include "tests/dns/script.h"

/* Every field of every struct is used by one of these. */
static struct dest_facts *rich_facts(void)
{
    struct script_run run =
        script_play("d.example MX S >e.example 10 a.example, 20 b.example, 30 c.example\n"
                    "a.example AAAA S >h.example 2001:db8::1\n"
                    "a.example A S >h.example 192.0.2.1, 192.0.2.2\n"
                    "b.example A B\n"
                    "c.example A I >u.example 192.0.2.3\n"
                    "_25._tcp.h.example TLSA S nx\n"
                    "c.example CNAME F\n"
                    "_25._tcp.a.example TLSA S aa, bbbb\n",
                    PLAN_MX, "d.example", 25, NULL);
    cr_assert_str_empty(run.problem, "%s", run.problem);
    return run.facts;
}

static struct slice encoded(const struct dest_facts *f, struct buf *b)
{
    buf_init(b, LIMIT_DNS_FRAME);
    cr_assert(dest_facts_encode(f, b));
    return buf_slice(b);
}

Test(facts, round_trip)
{
    struct dest_facts *f = rich_facts(), *copy = NULL;
    char before[SCRIPT_TEXT], after[SCRIPT_TEXT];
    struct buf b, again;

    cr_assert(dest_facts_decode(encoded(f, &b), &copy));
    cr_assert_str_eq(script_summary(copy, after), script_summary(f, before));
    cr_assert(slice_eq(encoded(copy, &again), buf_slice(&b)), "encode(decode(x)) is x");
    cr_assert_str_eq(copy->expanded, "e.example");
    cr_assert_eq(copy->port, 25);
    cr_assert_eq(copy->ttl, 30);
    cr_assert_eq(copy->made_ms, 1234);
    cr_assert_eq(copy->hosts[0].tlsa[1].len, 4);
    cr_assert_eq(memcmp(copy->hosts[0].tlsa[1].data, "bbbb", 4), 0);
    cr_assert_str_eq(copy->hosts[2].why, "CNAME c.example: failed (scripted)");
    buf_free(&b);
    buf_free(&again);
    dest_facts_unref(&copy);
    dest_facts_unref(&f);
    no_leaks();
}

static bool decodes(struct slice s)
{
    struct dest_facts *untouched = (struct dest_facts *)(void *)&s, *f = untouched;

    if (!dest_facts_decode(s, &f)) {
        cr_assert_eq(f, untouched);
        return false;
    }
    struct buf b;
    cr_assert(slice_eq(encoded(f, &b), s), "what decodes has one form only");
    buf_free(&b);
    dest_facts_unref(&f);
    return true;
}

Test(facts, truncated_at_every_octet)
{
    struct dest_facts *f = rich_facts();
    struct buf b;
    struct slice whole = encoded(f, &b);

    for (size_t n = 0; n < whole.n; n++) {
        char *exact = slice_dup(slice_head(whole, n));
        cr_assert(!decodes(slice_make(exact, n)), "cut at %zu", n);
        free(exact);
    }
    cr_assert(buf_append_byte(&b, '\0'));
    cr_assert(!decodes(buf_slice(&b)), "one octet left over");
    buf_free(&b);
    dest_facts_unref(&f);
    no_leaks();
}

Test(facts, every_bit_flipped)
{
    struct dest_facts *f = rich_facts();
    struct buf b;
    char *octets = slice_dup(encoded(f, &b));

    for (size_t bit = 0; bit < 8 * b.n; bit++) {
        octets[bit / 8] ^= (char)(1 << bit % 8);
        (void)decodes(slice_make(octets, b.n));
        octets[bit / 8] ^= (char)(1 << bit % 8);
    }
    free(octets);
    buf_free(&b);
    dest_facts_unref(&f);
    no_leaks();
}

/* A dns process that lies: facts that no plan makes. */
static void break_name(struct dest_facts *f)
{
    f->hosts[0].name = "A.Example";
}
static void break_control(struct dest_facts *f)
{
    f->hosts[0].why = "line\nbreak";
}
static void break_dot(struct dest_facts *f)
{
    f->expanded = "e.example.";
}
static void break_empty(struct dest_facts *f)
{
    f->name = "";
}
static void break_kind(struct dest_facts *f)
{
    f->kind = DEST_NULL_MX;
}
static void break_error_with_hosts(struct dest_facts *f)
{
    f->kind = DEST_ERROR;
    f->security = DNS_FAILED;
}
static void break_secure_error(struct dest_facts *f)
{
    f->security = DNS_BOGUS;
}
static void break_unchosen_tlsa(struct dest_facts *f)
{
    f->hosts[0].candidates[1].chosen = false;
}
static void break_insecure_tlsa(struct dest_facts *f)
{
    f->hosts[0].candidates[1].security = DNS_INSECURE;
}
static void break_base(struct dest_facts *f)
{
    f->hosts[0].tlsa_base = "h.example";
}
static void break_two_chosen(struct dest_facts *f)
{
    f->hosts[0].candidates[0] = f->hosts[0].candidates[1];
}
static void break_data_without_records(struct dest_facts *f)
{
    f->hosts[0].n_tlsa = 0;
}
static void break_addresses(struct dest_facts *f)
{
    f->hosts[0].n_addresses = 0;
}
static void break_ttl(struct dest_facts *f)
{
    f->ttl = LIMIT_FACTS_TTL_S + 1;
}
static void break_mapped(struct dest_facts *f)
{
    f->hosts[0].addresses[0] = (struct ip){
        1, {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}
    };
}
static void break_time(struct dest_facts *f)
{
    f->made_ms = -1;
}

static void break_late(struct dest_facts *f)
{
    f->made_ms = INT64_MAX - 1000; /* made_ms + ttl would overflow */
}
static void break_forgotten_error(struct dest_facts *f)
{
    f->hosts[0].candidates[0].security = DNS_FAILED;
    f->hosts[0].candidates[0].lookup = DNS_ERROR;
}
static void break_strange_base(struct dest_facts *f)
{
    f->hosts[0].candidates[1].base = f->hosts[0].tlsa_base = "evil.example";
}
static void break_early_tlsa(struct dest_facts *f)
{
    f->hosts[0].addresses_security = f->hosts[0].alias_security = DNS_INSECURE;
}
static void break_unsigned_expansion(struct dest_facts *f)
{
    f->hosts[0].addresses_security = DNS_INSECURE; /* h.example is not to be asked then */
}
static void break_tlsa_of_nobody(struct dest_facts *f)
{
    f->hosts[0].addresses_lookup = DNS_NODATA;
    f->hosts[0].n_addresses = 0;
}

static const struct {
    const char *what;
    void (*break_it)(struct dest_facts *);
} lies[] = {
    {"upper case name",                 break_name                },
    {"control character",               break_control             },
    {"trailing dot",                    break_dot                 },
    {"empty name",                      break_empty               },
    {"null MX with hosts",              break_kind                },
    {"error with hosts",                break_error_with_hosts    },
    {"bogus, but no error",             break_secure_error        },
    {"TLSA records of no candidate",    break_unchosen_tlsa       },
    {"TLSA records of an insecure one", break_insecure_tlsa       },
    {"TLSA base that was not chosen",   break_base                },
    {"two chosen candidates",           break_two_chosen          },
    {"TLSA data without records",       break_data_without_records},
    {"address data without addresses",  break_addresses           },
    {"TTL beyond the limit",            break_ttl                 },
    {"IPv4-mapped address",             break_mapped              },
    {"time before 1970",                break_time                },
    {"time that overflows",             break_late                },
    {"error that became no record",     break_forgotten_error     },
    {"base of another host",            break_strange_base        },
    {"TLSA below unsigned addresses",   break_early_tlsa          },
    {"TLSA at an unsigned expansion",   break_unsigned_expansion  },
    {"TLSA without addresses",          break_tlsa_of_nobody      },
};

Test(facts, lies)
{
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        struct dest_facts *f = rich_facts();
        struct buf b;
        lies[i].break_it(f);
        cr_expect(!decodes(encoded(f, &b)), "%s", lies[i].what);
        buf_free(&b);
        dest_facts_unref(&f);
    }
    no_leaks();
}

/* A few octets that claim a hundred hosts must not cost the memory of a hundred hosts. */
Test(facts, claims_are_backed_by_octets)
{
    struct dest_facts *f = facts_new_error("d.example", 25, "why");
    struct buf b;
    struct slice s = encoded(f, &b);
    char *octets = slice_dup(s);

    cr_assert(decodes(s));
    octets[s.n - 5] = 100; /* hosts; then steps */
    cr_assert(!decodes(slice_make(octets, s.n)));
    free(octets);
    buf_free(&b);
    dest_facts_unref(&f);
    no_leaks();
}

Test(facts, references)
{
    struct dest_facts *f = facts_new_error("d.example", 25, "why"), *g = dest_facts_ref(f);

    dest_facts_unref(&f);
    cr_assert_null(f);
    cr_assert_str_eq(g->why, "why");
    dest_facts_unref(&g);
    dest_facts_unref(&g);
    no_leaks();
}

/* Without validation nothing may be left that DANE or a bounce could rest on. */
Test(facts, distrust)
{
    static const struct {
        const char *script, *expected;
    } rows[] = {
        {"d.example MX I 10 a.example, 20 b.example\na.example A I 192.0.2.1\nb.example A I nx\n",
         "MX I | 10 a.example data:I tlsa err | 20 b.example err:F tlsa err"                                },
        {"d.example MX I nx\n",                                                                    "ERROR F"},
        {"d.example MX I 0 .\n",                                                                   "ERROR F"},
        {"d.example MX I nd\nd.example A S 192.0.2.1\n_25._tcp.d.example TLSA S aa\n",
         "IMPLICIT I | 0 d.example data:S tlsa err"                                                         },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[SCRIPT_TEXT];
        struct buf b;
        struct script_run run =
            script_play(rows[i].script, PLAN_MX, "d.example", 25, NULL);
        cr_assert_str_empty(run.problem, "%s", run.problem);
        facts_distrust(run.facts);
        cr_assert_str_eq(script_summary(run.facts, text), rows[i].expected, "%s", text);
        cr_assert_leq(run.facts->ttl, 30);
        cr_assert(decodes(encoded(run.facts, &b)), "%s", rows[i].script);
        buf_free(&b);
        dest_facts_unref(&run.facts);
    }
    no_leaks();
}

Test(facts, names)
{
    cr_assert_str_eq(dns_type_name(DNS_TLSA), "TLSA");
    cr_assert_str_eq(dns_type_name(65), "TYPE65");
    cr_assert_str_eq(dns_security_name(DNS_BOGUS), "bogus");
    cr_assert_str_eq(dns_lookup_name(DNS_NODATA), "no data");
}
