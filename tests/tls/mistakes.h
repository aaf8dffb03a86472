/* TLSA records as people make them. */
#ifndef DANELAW_TESTS_TLS_MISTAKES_H
#define DANELAW_TESTS_TLS_MISTAKES_H

#include "tests/tls/certs.h"

enum how {
    RIGHT,
    WRONG,
    OTHER_SELECTOR, /* of the part that the record does not name */
    OF_512,         /* in a form that the record does not name */
    OF_256,
    OF_DER,
    OF_PEM,
    OF_PEM_CUT,   /* without its last line's end */
    OF_PEM_CRLF,  /* with line ends of Windows */
    OF_CHAIN_PEM, /* certificate and issuer */
    OF_KEY_PEM,
    OF_KEY_PEM_CUT,
    OF_BARE_KEY, /* PKCS #1, or the point of a curve */
    OF_NOTHING,
    HEX_TEXT, /* the hexadecimal text of a right one */
};

/* The record of c with the fields of `meant`, made like that. data is the caller's storage. */
struct tlsa_record cert_record_made(const struct cert *c, const struct cert *issuer,
                                    const struct tlsa_record *meant, enum how how,
                                    uint8_t data[RECORD_MAX]);

#endif
