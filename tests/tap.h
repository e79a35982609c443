/* SPDX-License-Identifier: MIT */
/* tests/tap.h - CUnit with a TAP face, for automake's tap-driver.
 *
 * A unit test is a file with functions, a table and a main:
 *
 *     static void
 *     moves_past_the_code(void)
 *     {
 *         CU_ASSERT_EQUAL(counter, 8);
 *     }
 *
 *     static const struct tap_test tests[] = {
 *         { "hotp moves past the accepted code", moves_past_the_code },
 *     };
 *
 *     int
 *     main(void)
 *     {
 *         return tap_main("otp core", tests, TAP_COUNT(tests));
 *     }
 *
 * With TAP_ONLY=text in the environment only the tests run whose name
 * contains the text.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdbool.h>
#include <stddef.h>

#include <CUnit/CUnit.h>

#define TAP_COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* One test.  The name is a sentence, unique in its table. */
struct tap_test {
    const char *name;
    void (*run)(void);
};

/* What stands around all tests of a program; both return 0 when all is well,
 * and either may be NULL.  A failed set-up bails out: no test runs. */
struct tap_fixture {
    int (*set_up)(void);
    int (*tear_down)(void);
};

/* Run the tests in order.  Returns main's exit status: 0 only if every
 * assertion of every test held. */
int tap_main(const char *suite, const struct tap_test *tests, size_t count);
int tap_main_with(const char *suite, const struct tap_fixture *fixture,
                  const struct tap_test *tests, size_t count);

/* The running test cannot be run here, because reason, a static string.
 * Return right after it.  A failed assertion outweighs it. */
void tap_skip(const char *reason);

/* For what takes minutes under valgrind: skips there (FACTOR_QUICK) and says
 * true; other runs have it. */
bool tap_skip_slow(void);

/* One line of the running test's own, printed as "# ...". */
void tap_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
