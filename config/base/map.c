/* SipHash-2-4 (Aumasson, Bernstein 2012), keyed once per process from the kernel. */
#include "config/base/map.h"

#include <string.h>
#include <sys/random.h>

static uint64_t key_words[2];

static __attribute__((constructor)) void seed(void)
{
    REQUIRE(getrandom(key_words, sizeof(key_words), 0) == (ssize_t)sizeof(key_words));
}

static uint64_t rotl(uint64_t x, int b)
{
    return (x << b) | (x >> (64 - b));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t m)
{
    v[3] ^= m;
    sip_round(v);
    sip_round(v);
    v[0] ^= m;
}

uint64_t map_siphash(const void *key, size_t n)
{
    uint64_t v[4] = {key_words[0] ^ 0x736f6d6570736575u, key_words[1] ^ 0x646f72616e646f6du,
                     key_words[0] ^ 0x6c7967656e657261u, key_words[1] ^ 0x7465646279746573u};
    const unsigned char *p = key;
    size_t left = n;
    uint64_t m;

    for (; left >= 8; left -= 8, p += 8) {
        memcpy(&m, p, 8);
        sip_word(v, m);
    }
    m = (uint64_t)n << 56;
    for (size_t i = 0; i < left; i++)
        m |= (uint64_t)p[i] << (8 * i);
    sip_word(v, m);
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
