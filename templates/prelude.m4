m4_changequote(«, »)m4_changecom()m4_dnl
m4_dnl SPDX-License-Identifier: MIT-0
m4_dnl
m4_dnl Read by m4 -P before everything else.  It takes away what reaches the system, then defines
m4_dnl the few macros that the templates are written with.  The quotes are « and », which no C
m4_dnl program holds; C's own brackets, commas and quotes need no care.  There are no m4 comments.
m4_dnl
m4_dnl Values come on standard input after this file, as
m4_dnl     m4_define(«et_value_NAME», «TEXT»)m4_dnl
m4_dnl     m4_define(«et_each_KIND», «$1(«TEXT», «TEXT»)$1(«TEXT», «TEXT»)»)m4_dnl
m4_dnl where every TEXT went through quote_m4: all but letters, digits and a few signs is @hh.

m4_dnl Whatever runs a program, opens a file, or could bring a removed macro back.  From here on
m4_dnl these names are text like any other; skel_decode refuses output that has them.
m4_undefine(«m4_syscmd», «m4_esyscmd», «m4_sysval», «m4_include», «m4_sinclude», «m4_maketemp»,
            «m4_mkstemp», «m4_debugfile», «m4_debugmode», «m4_traceon», «m4_traceoff»,
            «m4_undivert», «m4_divert», «m4_dumpdef», «m4_builtin», «m4_indir»)m4_dnl

m4_dnl The last line of all: skel_decode knows by it that nothing is missing.
m4_m4wrap(«@{end@}
»)m4_undefine(«m4_m4wrap»)m4_dnl

m4_dnl et_value(NAME)
m4_dnl --------------
m4_dnl The value NAME.  It is printed, not expanded again.  m4 alone would print nothing for a name
m4_dnl that has none; we stop.
m4_define(«et_value», «m4_ifdef(«et_value_$1», «m4_defn(«et_value_$1»)», «et_missing(«$1»)»)»)m4_dnl

m4_dnl et_missing(NAME)
m4_dnl ----------------
m4_dnl Say that there is no value NAME, and stop m4 with exit status 1.
m4_define(«et_missing», «m4_errprint(m4___program__:m4___file__:m4___line__: no value '$1'
)m4_m4exit(1)»)m4_dnl

m4_dnl et_if(FLAG, THEN, [ELSE])
m4_dnl -------------------------
m4_dnl THEN if FLAG is 1, else ELSE.  Quote both, so that only the one chosen is expanded.
m4_define(«et_if», «m4_ifelse(«$1», «1», «$2», «$3»)»)m4_dnl

m4_dnl et_file(N, TEMPLATE), et_page(N)
m4_dnl --------------------------------
m4_dnl Alone on a line: what follows goes to output N, and is of the TEMPLATE of this name.  A page is no C: its lines
m4_dnl stay as they are.
m4_define(«et_file», «@{file:$1:$2@}»)m4_dnl
m4_define(«et_page», «@{text:$1@}»)m4_dnl
