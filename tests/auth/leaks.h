/* Leaks are not told at exit under Criterion; tests that allocate end with this. */
#ifndef DANELAW_TESTS_AUTH_LEAKS_H
#define DANELAW_TESTS_AUTH_LEAKS_H

#include <criterion/criterion.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#define CHECK_LEAKS() cr_expect_eq(__lsan_do_recoverable_leak_check(), 0, "leaks")
#else
#define CHECK_LEAKS() ((void)0)
#endif

#endif
