/* A handshake between two SSL objects in memory. */
#ifndef DANELAW_TESTS_TLS_SHAKE_H
#define DANELAW_TESTS_TLS_SHAKE_H

#include <openssl/ssl.h>

#include "config/base/base.h"

/* Turns both ends until neither moves. True: both have finished. */
bool shake_hands(SSL *client, SSL *server);
/* The same; why: the client's reason if it fails, as a connection would tell it, else "". */
enum { WHY_MAX = 120 };
bool shake_hands_why(SSL *client, SSL *server, char why[WHY_MAX]);

#endif
