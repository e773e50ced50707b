# etrace.m4: find etrace-gen and its runtime.                    -*- Autoconf -*-
# SPDX-License-Identifier: MIT-0
# serial 1

# ETRACE_PROG_GEN([MIN-VERSION], [IF-FOUND], [IF-NOT])
# ----------------------------------------------------
# Set ETRACE_GEN to a program of the machine that builds: what the user says; else etrace-gen of
# PATH; else, unless this is a cross compilation, what the file etrace.pc names.  Without any of
# them ETRACE_GEN goes through automake's `missing`: a tarball that ships what was generated is
# built all the same, and only who changes a model is told what to install.
AC_DEFUN([ETRACE_PROG_GEN],
[AC_REQUIRE([_ETRACE_PKG_CONFIG])dnl
AC_ARG_VAR([ETRACE_GEN], [the program etrace-gen, of the machine that builds])dnl
AC_ARG_VAR([ETRACE_GENFLAGS], [options for etrace-gen])dnl
AC_CACHE_CHECK([for etrace-gen]m4_ifval([$1], [[ >= $1]]), [etrace_cv_prog_gen],
  [etrace_cv_prog_gen=no
   etrace_installed=
   AS_IF([test "$cross_compiling" != yes],
     [etrace_installed=`$etrace_pkg_config --variable=etrace_gen etrace 2>/dev/null`])
   for etrace_try in ${ETRACE_GEN:-etrace-gen $etrace_installed}; do
     etrace_version=`"$etrace_try" --version 2>/dev/null | sed -n '1s/^etrace-gen //p'`
     AS_IF([test -n "$etrace_version"],
       [m4_ifval([$1],
          [AS_VERSION_COMPARE([$etrace_version], [$1], [],
             [etrace_cv_prog_gen=$etrace_try], [etrace_cv_prog_gen=$etrace_try])],
          [etrace_cv_prog_gen=$etrace_try])])
     test "$etrace_cv_prog_gen" = no || break
   done])
AS_IF([test "$etrace_cv_prog_gen" = no],
  [ETRACE_GEN="${am_missing_run}etrace-gen"
   $3],
  [ETRACE_GEN=$etrace_cv_prog_gen
   $2])
])

# ETRACE_CHECK_RUNTIME([MIN-VERSION], [IF-FOUND], [IF-NOT])
# ---------------------------------------------------------
# Set ETRACE_CFLAGS and ETRACE_LIBS for the library libetrace.  Where it is not there for the machine
# that the program is for, or with --without-etrace-library, ETRACE_RT_SOURCE is the runtime's source
# and ETRACE_LIBS names the object that the rule of etrace.am makes of it.
AC_DEFUN([ETRACE_CHECK_RUNTIME],
[AC_REQUIRE([_ETRACE_PKG_CONFIG])dnl
AC_REQUIRE([AC_PROG_CC])dnl
AC_ARG_WITH([etrace-library],
  [AS_HELP_STRING([--without-etrace-library], [compile the sources of etrace's runtime instead])],
  [], [with_etrace_library=check])
AC_SUBST([ETRACE_CFLAGS])
AC_SUBST([ETRACE_LIBS])
AC_SUBST([ETRACE_RT_SOURCE])
AC_SUBST([ETRACE_RT_OBJECT])
AC_MSG_CHECKING([for etrace's runtime])
etrace_runtime=no
AS_IF([test "$with_etrace_library" != no &&
       $etrace_host_pkg_config --exists "etrace m4_ifval([$1], [>= $1])" 2>/dev/null],
  [etrace_runtime=library
   ETRACE_CFLAGS=`$etrace_host_pkg_config --cflags etrace`
   ETRACE_LIBS=`$etrace_host_pkg_config --libs etrace`],
  [test "$with_etrace_library" = yes],
  [],
  [etrace_folder=`$etrace_pkg_config --variable=runtimesrc "etrace m4_ifval([$1], [>= $1])" 2>/dev/null`
   AS_IF([test -n "$etrace_folder"],
     [etrace_runtime=sources
      ETRACE_CFLAGS=-I$etrace_folder
      ETRACE_RT_SOURCE=$etrace_folder/etrace.c
      ETRACE_RT_OBJECT=etrace_rt.$ac_objext
      ETRACE_LIBS="$ETRACE_RT_OBJECT -lm"])])
AC_MSG_RESULT([$etrace_runtime])
AS_IF([test "$etrace_runtime" = no],
  [m4_default([$3],
     [AC_MSG_ERROR([etrace's runtime was not found: install it, or name its folder in PKG_CONFIG_PATH])])],
  [m4_default([$2], [:])])
])

# Set etrace_pkg_config, which is asked about programs and sources, and etrace_host_pkg_config, which is
# asked about libraries: in a cross compilation only one for the other machine may say what to link.
AC_DEFUN([_ETRACE_PKG_CONFIG],
[AC_CHECK_TOOL([PKG_CONFIG], [pkg-config], [false])
etrace_pkg_config=pkg-config
etrace_host_pkg_config=$PKG_CONFIG
AS_IF([test "$cross_compiling" != yes], [etrace_pkg_config=$PKG_CONFIG],
  [test "$PKG_CONFIG" = pkg-config && test -z "$PKG_CONFIG_LIBDIR$PKG_CONFIG_SYSROOT_DIR"],
  [etrace_host_pkg_config=false])
])
