/* The login to a next hop (RFC 4954): when a password may be said, and what answers the server, by
 * libgsasl. Private to mta/out. One worker. */
#ifndef DANELAW_OUT_LOGIN_H
#define DANELAW_OUT_LOGIN_H

#include "mta/out/hops.h"
#include "mta/smtp/client.h"

/* A password goes only to a server that has proved who it is: by DANE from the next hop on, or by a
 * certificate with a name that no unsigned MX record chose. The level `encrypt` says that the operator
 * does without that proof. */
bool out_login_is_safe(const struct verdict *v, enum tls_level level, enum hop_kind kind);

/* A login on its way; zeroed: none. */
struct out_login {
    const char *username, *password; /* borrowed until the session is ready; NULL: no login */
    struct Gsasl *library;
    struct Gsasl_session *exchange;
};

/* Answers the machine's challenge. False: the server's is wrong, or asks for too much, and *out_why
 * says so. */
MUST_USE bool out_login_answer(struct out_login *l, struct smtp_client *c, struct status *out_why);
void out_login_end(struct out_login *l);

#endif
