/* Criterion does not look at leaks that are found when a test's process ends; so tests ask. */
#ifndef DANELAW_TESTS_TLS_LEAKS_H
#define DANELAW_TESTS_TLS_LEAKS_H

#include <criterion/criterion.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define NO_LEAKS() cr_assert_eq(__lsan_do_recoverable_leak_check(), 0, "memory leaked")
#else
#define NO_LEAKS() ((void)0)
#endif

#endif
