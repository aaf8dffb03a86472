/* Criterion's workers ignore leaks at exit: with sanitizers every test that allocates asks for
 * them. */
#ifndef DANELAW_TEST_DNS_LEAKS_H
#define DANELAW_TEST_DNS_LEAKS_H

#include <criterion/criterion.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
static inline void no_leaks(void)
{
    cr_assert_eq(__lsan_do_recoverable_leak_check(), 0, "memory leaks");
}
#else
static inline void no_leaks(void)
{
}
#endif

#endif
