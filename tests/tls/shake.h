/* A handshake between two SSL objects in memory. */
#ifndef DANELAW_TESTS_TLS_SHAKE_H
#define DANELAW_TESTS_TLS_SHAKE_H

#include <openssl/ssl.h>
#include <stdbool.h>

/* Turns both ends until neither moves. True: both have finished. */
bool shake_hands(SSL *client, SSL *server);

#endif
