/* The diagnosis: its table and its list; the parts are in diagnose_*.c. */
#include "tls/diagnose.h"

#include <stdarg.h>
#include <stdio.h>

#include "tls/diagnose_private.h"

const struct finding_info *finding_info(enum finding_id id)
{
    static const struct finding_info table[] = {
#define FINDING(id, name, fault, effect, clause, words)                                            \
    [FINDING_##id] = {name, FAULT_##fault, EFFECT_##effect, clause, words},
#include "tls/findings.def"
#undef FINDING
    };
    REQUIRE((size_t)id < ARRAY_LEN(table));
    return &table[id];
}

struct finding *finding_add(struct findings *f, enum finding_id id, const char *fmt, ...)
{
    const char *words = finding_info(id)->words;
    char particulars[FINDING_TEXT] = "";
    va_list ap;

    if (f->n == f->max)
        return NULL;
    va_start(ap, fmt);
    (void)vsnprintf(particulars, sizeof(particulars), fmt, ap);
    va_end(ap);
    struct finding *made = &f->out[f->n++];
    *made = (struct finding){.id = id};
    (void)snprintf(made->text, sizeof(made->text), particulars[0] ? "%s (%.*s)" : "%s", words,
                   (int)(sizeof(made->text) - strlen(words) - 4), particulars);
    return made;
}

void finding_mend(struct finding *finding, uint16_t port, const char *base, unsigned usage,
                  unsigned selector, unsigned mtype, const char *hex)
{
    if (finding && base && base[0])
        (void)snprintf(finding->mend, sizeof(finding->mend),
                       "_%u._tcp.%s. IN TLSA %u %u %u %s", port, base, usage, selector, mtype, hex);
}

size_t tls_diagnose_handshake(const struct tls_diagnosis *in, struct finding *out, size_t max)
{
    return 0;
}

size_t tls_diagnose_records(const struct verdict *v, uint16_t port, struct finding *out, size_t max)
{
    return 0;
}

size_t tls_diagnose_dns(const struct dest_facts *facts, size_t host, int64_t now_s,
                        struct finding *out, size_t max)
{
    return 0;
}

size_t tls_diagnose_key_types(const struct verdict *v, uint16_t port, const struct tls_key_type *a,
                              const struct tls_key_type *b, struct finding *out, size_t max)
{
    return 0;
}
