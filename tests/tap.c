/* SPDX-License-Identifier: MIT */
/* tests/tap.c - runs a table of tests through CUnit and prints TAP. */
#include "tests/tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/TestRun.h>

/* CUnit's handlers take no argument of ours.  Cleared before tap_main_with
 * returns: a pointer left here would hide a leak from the leak checkers. */
static const char *skip_reason;
static unsigned last_number;
static bool bailed_out;

void
tap_skip(const char *reason)
{
    skip_reason = reason;
}

bool
tap_skip_slow(void)
{
    if (!getenv("FACTOR_QUICK"))
        return false;
    tap_skip("too slow under valgrind");
    return true;
}

void
tap_note(const char *fmt, ...)
{
    va_list args;

    fputs("# ", stdout);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}

static void
bail_out(const char *reason)
{
    printf("Bail out! %s\n", reason);
    bailed_out = true;
}

static void
on_suite_init_failure(const CU_pSuite suite)
{
    printf("Bail out! set-up of %s failed\n", suite->pName);
    bailed_out = true;
}

static void
on_suite_cleanup_failure(const CU_pSuite suite)
{
    printf("Bail out! tear-down of %s failed\n", suite->pName);
    bailed_out = true;
}

static void
on_test_start(const CU_pTest test, const CU_pSuite suite)
{
    (void)test;
    (void)suite;
    skip_reason = NULL;
}

/* failures are those of this test alone: CUnit passes its part of the list. */
static void
on_test_complete(const CU_pTest test, const CU_pSuite suite,
                 const CU_pFailureRecord failures)
{
    CU_pFailureRecord failure;

    (void)suite;
    last_number++;
    for (failure = failures; failure; failure = failure->pNext)
        printf("# %s:%u: %s\n",
               failure->strFileName ? failure->strFileName : "?",
               failure->uiLineNumber,
               failure->strCondition ? failure->strCondition : "?");
    if (failures)
        printf("not ok %u - %s\n", last_number, test->pName);
    else if (skip_reason)
        printf("ok %u - %s # SKIP %s\n", last_number, test->pName,
               skip_reason);
    else
        printf("ok %u - %s\n", last_number, test->pName);
}

static bool
wanted(const struct tap_test *test)
{
    const char *only = getenv("TAP_ONLY");

    return !only || strstr(test->name, only);
}

/* Returns how many tests are registered; says what is wrong by bail_out. */
static unsigned
register_tests(const char *suite_name, const struct tap_fixture *fixture,
               const struct tap_test *tests, size_t count)
{
    CU_pSuite suite;
    unsigned registered = 0;
    size_t i;

    suite = CU_add_suite(suite_name, fixture->set_up, fixture->tear_down);
    if (!suite) {
        bail_out(CU_get_error_msg());
        return 0;
    }
    for (i = 0; i < count && !bailed_out; i++) {
        if (!wanted(&tests[i]))
            continue;
        /* A name used twice is added all the same, with an error noted. */
        if (!CU_add_test(suite, tests[i].name, tests[i].run) ||
            CU_get_error() != CUE_SUCCESS)
            bail_out(CU_get_error_msg());
        else
            registered++;
    }
    return registered;
}

static void
run_registered(void)
{
    CU_set_test_start_handler(on_test_start);
    CU_set_test_complete_handler(on_test_complete);
    CU_set_suite_init_failure_handler(on_suite_init_failure);
    CU_set_suite_cleanup_failure_handler(on_suite_cleanup_failure);

    /* The return value tells of the framework's errors, not of the tests':
     * the failure records below count both. */
    CU_run_all_tests();
    if (CU_get_number_of_failure_records() > 0)
        printf("# %u failed\n", CU_get_number_of_failure_records());
}

int
tap_main_with(const char *suite, const struct tap_fixture *fixture,
              const struct tap_test *tests, size_t count)
{
    static const struct tap_fixture nothing;
    unsigned registered;
    bool failed;

    /* A crash must not swallow what was said before it. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    last_number = 0;
    bailed_out = false;
    if (CU_initialize_registry() != CUE_SUCCESS) {
        bail_out(CU_get_error_msg());
        return EXIT_FAILURE;
    }
    registered = register_tests(suite, fixture ? fixture : &nothing, tests,
                                count);
    if (!bailed_out) {
        if (registered == 0)
            printf("1..0 # SKIP no test is asked for\n");
        else
            printf("1..%u\n", registered);
        run_registered();
    }
    failed = bailed_out || CU_get_number_of_failure_records() > 0;
    CU_cleanup_registry();
    skip_reason = NULL;
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int
tap_main(const char *suite, const struct tap_test *tests, size_t count)
{
    return tap_main_with(suite, NULL, tests, count);
}
