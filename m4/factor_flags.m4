dnl factor_flags.m4 - compiler and linker flags, each asked of the compiler.
dnl
dnl Fills WARN_CFLAGS, VISIBILITY_CFLAGS, HARDEN_CPPFLAGS, HARDEN_CFLAGS,
dnl HARDEN_LDFLAGS, PIE_CFLAGS, PIE_LDFLAGS, SAN_CFLAGS, SAN_LDFLAGS and
dnl PLUGIN_LDFLAGS.  CFLAGS and LDFLAGS stay the user's.
dnl
dnl Flags contain commas: each goes in double brackets, one call per flag.

dnl FACTOR_TRY_FLAG(KIND, FLAG, IF-TAKEN, [IF-NOT], [BODY-PROLOGUE])
dnl KIND is compile or link.
AC_DEFUN([FACTOR_TRY_FLAG], [
    AS_VAR_PUSHDEF([taken], [factor_cv_$1_$2])
    AC_CACHE_CHECK([whether $CC takes $2], [taken], [
        factor_save_CFLAGS=$CFLAGS
        factor_save_LDFLAGS=$LDFLAGS
        m4_if([$1], [link],
            [LDFLAGS="$LDFLAGS -Werror $2"],
            [CFLAGS="$CFLAGS -Werror $2"])
        m4_if([$1], [link], [AC_LINK_IFELSE], [AC_COMPILE_IFELSE])(
            [AC_LANG_PROGRAM([$5], [])],
            [AS_VAR_SET([taken], [yes])],
            [AS_VAR_SET([taken], [no])])
        CFLAGS=$factor_save_CFLAGS
        LDFLAGS=$factor_save_LDFLAGS
    ])
    AS_VAR_IF([taken], [yes], [$3], [m4_default([$4], [:])])
    AS_VAR_POPDEF([taken])
])

dnl FACTOR_ADD_COMPILE(VARIABLE, FLAG), FACTOR_ADD_LINK(VARIABLE, FLAG)
AC_DEFUN([FACTOR_ADD_COMPILE],
    [FACTOR_TRY_FLAG([compile], [$2], [$1="$$1 $2"])])
AC_DEFUN([FACTOR_ADD_LINK],
    [FACTOR_TRY_FLAG([link], [$2], [$1="$$1 $2"])])

dnl FACTOR_DEMAND(KIND, VARIABLE, FLAG): the switch was asked for, so the
dnl flag must work.
AC_DEFUN([FACTOR_DEMAND], [
    FACTOR_TRY_FLAG([$1], [$3], [$2="$$2 $3"],
        [AC_MSG_ERROR([$CC does not take $3])])
])

AC_DEFUN([FACTOR_FLAGS], [
    AC_REQUIRE([AC_PROG_CC])
    WARN_CFLAGS= VISIBILITY_CFLAGS= STD_CFLAGS=
    HARDEN_CPPFLAGS= HARDEN_CFLAGS= HARDEN_LDFLAGS=
    PIE_CFLAGS= PIE_LDFLAGS= SAN_CFLAGS= SAN_LDFLAGS= PLUGIN_LDFLAGS=

    FACTOR_DEMAND([compile], [STD_CFLAGS], [[-std=gnu11]])
    FACTOR_WARNINGS
    FACTOR_ADD_COMPILE([VISIBILITY_CFLAGS], [[-fvisibility=hidden]])
    AS_IF([test "$enable_asan$enable_tsan" != nono],
        [FACTOR_SANITIZERS],
        [FACTOR_ADD_LINK([PLUGIN_LDFLAGS], [[-Wl,-z,defs]])])
    AS_IF([test "$enable_hardening" != no], [FACTOR_HARDENING])

    AC_SUBST([STD_CFLAGS])
    AC_SUBST([WARN_CFLAGS])
    AC_SUBST([VISIBILITY_CFLAGS])
    AC_SUBST([HARDEN_CPPFLAGS])
    AC_SUBST([HARDEN_CFLAGS])
    AC_SUBST([HARDEN_LDFLAGS])
    AC_SUBST([PIE_CFLAGS])
    AC_SUBST([PIE_LDFLAGS])
    AC_SUBST([SAN_CFLAGS])
    AC_SUBST([SAN_LDFLAGS])
    AC_SUBST([PLUGIN_LDFLAGS])
])

AC_DEFUN([FACTOR_WARNINGS], [
    FACTOR_ADD_COMPILE([WARN_CFLAGS], [[-Wall]])
    FACTOR_ADD_COMPILE([WARN_CFLAGS], [[-Wextra]])
    FACTOR_ADD_COMPILE([WARN_CFLAGS], [[-Wshadow]])
    FACTOR_ADD_COMPILE([WARN_CFLAGS], [[-Wvla]])
    FACTOR_ADD_COMPILE([WARN_CFLAGS], [[-Wundef]])
    FACTOR_ADD_COMPILE([WARN_CFLAGS], [[-Wformat=2]])
    FACTOR_ADD_COMPILE([WARN_CFLAGS], [[-Wstrict-prototypes]])
    FACTOR_ADD_COMPILE([WARN_CFLAGS], [[-Wmissing-prototypes]])
    FACTOR_ADD_COMPILE([WARN_CFLAGS], [[-Wold-style-definition]])
    FACTOR_ADD_COMPILE([WARN_CFLAGS], [[-Wpointer-arith]])
    FACTOR_ADD_COMPILE([WARN_CFLAGS], [[-Wcast-qual]])
    FACTOR_ADD_COMPILE([WARN_CFLAGS], [[-Wwrite-strings]])
    FACTOR_ADD_COMPILE([WARN_CFLAGS], [[-Wimplicit-fallthrough]])
    FACTOR_ADD_COMPILE([WARN_CFLAGS], [[-Wnull-dereference]])
    FACTOR_ADD_COMPILE([WARN_CFLAGS], [[-Wdouble-promotion]])
    FACTOR_ADD_COMPILE([WARN_CFLAGS], [[-Wswitch-enum]])
    # Last: no later probe may see it.
    AS_IF([test "$enable_werror" = yes],
        [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
])

AC_DEFUN([FACTOR_SANITIZERS], [
    AS_IF([test "$enable_asan" = yes], [
        FACTOR_DEMAND([link], [SAN_CFLAGS], [[-fsanitize=address,undefined]])
        FACTOR_DEMAND([compile], [SAN_CFLAGS],
            [[-fno-sanitize-recover=undefined]])
    ], [
        FACTOR_DEMAND([link], [SAN_CFLAGS], [[-fsanitize=thread]])
    ])
    SAN_LDFLAGS=$SAN_CFLAGS
    FACTOR_DEMAND([compile], [SAN_CFLAGS], [[-fno-omit-frame-pointer]])
])

AC_DEFUN([FACTOR_HARDENING], [
    FACTOR_FORTIFY
    FACTOR_ADD_COMPILE([HARDEN_CFLAGS], [[-fstack-protector-strong]])
    FACTOR_ADD_COMPILE([HARDEN_CFLAGS], [[-fstack-clash-protection]])
    FACTOR_ADD_COMPILE([HARDEN_CFLAGS], [[-fcf-protection]])
    FACTOR_ADD_COMPILE([HARDEN_CFLAGS], [[-ftrivial-auto-var-init=zero]])
    FACTOR_ADD_COMPILE([HARDEN_CFLAGS], [[-fno-delete-null-pointer-checks]])
    FACTOR_ADD_LINK([HARDEN_LDFLAGS], [[-Wl,-z,relro]])
    FACTOR_ADD_LINK([HARDEN_LDFLAGS], [[-Wl,-z,now]])
    FACTOR_ADD_LINK([HARDEN_LDFLAGS], [[-Wl,-z,noexecstack]])
    FACTOR_ADD_COMPILE([PIE_CFLAGS], [[-fPIE]])
    FACTOR_ADD_LINK([PIE_LDFLAGS], [[-pie]])
])

dnl FORTIFY works only when optimising, and fights with the sanitizers.  The
dnl C library warns of a level that it does not know.
AC_DEFUN([FACTOR_FORTIFY], [
    AC_CACHE_CHECK([whether $CC optimises], [factor_cv_optimises], [
        AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
            #ifndef __OPTIMIZE__
            #error not optimising
            #endif
            int optimised;
        ]])], [factor_cv_optimises=yes], [factor_cv_optimises=no])
    ])
    AS_IF([test "$factor_cv_optimises" = yes &&
           test "$enable_asan$enable_tsan" = nono], [
        FACTOR_TRY_FLAG([compile], [[-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3]],
            [HARDEN_CPPFLAGS='-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3'],
            [FACTOR_TRY_FLAG([compile],
                [[-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2]],
                [HARDEN_CPPFLAGS='-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2'],
                [], [[#include <string.h>]])],
            [[#include <string.h>]])
    ])
])
