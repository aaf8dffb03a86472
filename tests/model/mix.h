/* Random mixes of DNS answers, TLSA records and certificates through the relay's own code: the
 * lookup plan, the codec of facts, the verdict, the client machine and OpenSSL. What comes out is
 * compared with a model written from the RFC texts (model.py). Cases and results are JSON, one a
 * line; the form of a case is told in generate.py. */
#ifndef DANELAW_TEST_MODEL_MIX_H
#define DANELAW_TEST_MODEL_MIX_H

#include <jansson.h>
#include <openssl/ssl.h>

#include "mta/out/hops.h"
#include "tls/dane.h"

/* "name TYPE" of each question in the order asked; the second list: those the case has no answer
 * for. */
struct mix_asked {
    json_t *all, *unscripted;
};

/* The case's answers, in the order its seed says, through the plan and then through the codec. One
 * reference. */
struct dest_facts *mix_facts(const json_t *test, struct mix_asked *asked);

/* The servers of the certificate pool in a folder, made by pki.py. Exits with a message if there is
 * none. */
struct mix_servers *mix_servers_load(const char *folder);
void mix_servers_free(struct mix_servers **s);
/* A server SSL with the named chain and manner ("1.3", "1.2", "old", "anonymous", "alien"). The
 * caller owns it. */
SSL *mix_server_new(struct mix_servers *s, const char *chain, const char *manner);

struct mix_host {
    struct tls_clients *clients;
    struct mix_servers *servers;
    const json_t *server; /* how the host answers: chain, manner, starttls */
    enum tls_level level;
    const char *name; /* unexpanded */
    bool implicit_tls;
};

/* What becomes of the host: connections as a delivery makes them, until one may carry mail or
 * nothing is left to try. Adds achieved, cause, record, depth, peer, sni, tls_mode and tls_usable
 * to out. */
void mix_connect(const struct mix_host *host, const struct verdict *v, json_t *out);

json_t *mix_bits(uint64_t bits); /* [0, 2]: the bits that are set */

#endif
