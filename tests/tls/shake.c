#include "tests/tls/shake.h"

#include <openssl/err.h>
#include <stdio.h>

static void note_reason(char why[WHY_MAX])
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    (void)snprintf(why, WHY_MAX, "%s", reason ? reason : "protocol error");
}

bool shake_hands_why(SSL *client, SSL *server, char why[WHY_MAX])
{
    BIO *a, *b;
    int c = 0, s = 0;

    why[0] = '\0';
    REQUIRE(BIO_new_bio_pair(&a, 0, &b, 0) == 1);
    SSL_set_bio(client, a, a);
    SSL_set_bio(server, b, b);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    for (int i = 0; i < 50 && (c != 1 || s != 1); i++) {
        ERR_clear_error();
        c = SSL_do_handshake(client);
        if (c != 1 && SSL_get_error(client, c) == SSL_ERROR_SSL) {
            note_reason(why);
            break;
        }
        s = SSL_do_handshake(server);
    }
    ERR_clear_error();
    return c == 1 && s == 1;
}

bool shake_hands(SSL *client, SSL *server)
{
    char why[WHY_MAX];
    return shake_hands_why(client, server, why);
}
