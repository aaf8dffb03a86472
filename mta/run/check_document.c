#include "mta/run/check_document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *check_status_json(const struct status *s)
{
    const struct cause_info *info = cause_info(s->cause);
    char esc[16];
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "cause", info->name, "dsn", esc_text(s->esc, esc),
                     "text", s->text, "fault", fault_words(info->fault), "remedy", info->remedy);
}

void check_add_steps(json_t *hop, const struct dest_facts *facts)
{
    json_t *steps = json_array();

    for (size_t i = 0; i < facts->n_steps; i++) {
        const struct dns_step *s = &facts->steps[i];
        (void)json_array_append_new(
            steps, json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:s}", "name", s->name, "type",
                             dns_type_name(s->type), "security", dns_security_name(s->security),
                             "lookup", dns_lookup_name(s->lookup), "ttl", (int)s->ttl, "records",
                             (int)s->records, "alias", s->alias, "why", s->why));
    }
    (void)json_object_set_new(hop, "dns", steps);
}

static json_t *record_json(const struct verdict *v, size_t i)
{
    const struct tlsa_record *r = &v->records[i];
    const char *why = tlsa_unusable_why(r);
    char hex[2 * 64 + 4];
    size_t shown = r->len < 64 ? r->len : 64;

    for (size_t k = 0; k < shown; k++)
        (void)snprintf(hex + 2 * k, 3, "%02x", r->data[k]);
    (void)snprintf(hex + 2 * shown, 4, "%s", shown < r->len ? "..." : "");
    bool usable = v->usable >> i & 1;
    return json_pack("{s:i, s:i, s:i, s:s, s:b, s:s}", "usage", r->usage, "selector", r->selector,
                     "matching", r->mtype, "data", hex, "usable", usable, "why",
                     usable ? "" : why ? why : "OpenSSL cannot use it");
}

void check_add_verdict(json_t *host, const struct verdict *v)
{
    json_t *names = json_array(), *records = json_array();

    for (size_t i = 0; i < v->n_names; i++)
        (void)json_array_append_new(names, json_string(v->names[i]));
    for (size_t i = 0; i < v->n_records && i < 64; i++)
        (void)json_array_append_new(records, record_json(v, i));
    (void)json_object_set_new(
        host, "verdict",
        json_pack("{s:s, s:b, s:s, s:s, s:o, s:o}", "mode", verdict_mode_name(v->mode), "half_dane",
                  (int)v->half_dane, "tlsa_base", v->base ? v->base : "", "why", v->why, "names",
                  names, "tlsa", records));
    if (v->mode == VERDICT_SKIP)
        (void)json_object_set_new(host, "skipped", check_status_json(&v->skip));
    (void)json_object_set_new(host, "addresses", json_array());
}

json_t *check_tls_json(const struct tls_outcome *o)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:s}", "level", tls_outcome_label(o),
                     "protocol", o->protocol, "cipher", o->cipher, "record", o->record, "depth",
                     o->depth, "peer_name", o->peer_name, "error", o->error);
}
