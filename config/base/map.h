/* Hash maps: uthash with a seeded SipHash, so that a peer who picks names cannot pick collisions.
 * Include this instead of <uthash.h>. */
#ifndef DANELAW_MAP_H
#define DANELAW_MAP_H

#include "config/base/base.h"

uint64_t map_siphash(const void *key, size_t n);

#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = (unsigned)map_siphash((keyptr), (keylen)))
#define uthash_fatal(msg) base_abort(__FILE__, __LINE__, "" msg)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include <uthash.h>
#pragma GCC diagnostic pop

#endif
