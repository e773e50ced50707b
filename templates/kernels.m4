m4_dnl SPDX-License-Identifier: MIT-0
m4_dnl
m4_dnl The statements of generated functions.  cgen.c writes calls of these macros; how a statement
m4_dnl looks is decided here.

m4_dnl et_line(TEXT)
m4_dnl -------------
m4_dnl One statement.
m4_define(«et_line», «$1
»)m4_dnl

m4_dnl et_comment(TEXT)
m4_dnl ----------------
m4_dnl What the next loop computes: the equation and where it was written.
m4_define(«et_comment», «/* $1 */
»)m4_dnl

m4_dnl et_for(VARIABLE, COUNT), et_for_from(VARIABLE, START, END, NEXT), et_for_back(VARIABLE, LAST),
m4_dnl et_block, et_end
m4_dnl -------------------------------------------------------------------------------
m4_dnl A counted loop, one that counts down, a block, and the end of any of them.  A block's argument prints nothing:
m4_dnl it is a mark (see skel.h), which else stands in the first argument.
m4_define(«et_for», «for (int $1 = 0; $1 < $2; $1++) {
@+
»)m4_dnl
m4_define(«et_for_from», «for (int $1 = $2; $1 < $3; $4) {
@+
»)m4_dnl
m4_define(«et_for_back», «for (int $1 = $2; $1 >= 0; $1--) {
@+
»)m4_dnl
m4_define(«et_block», «$1{
@+
»)m4_dnl
m4_dnl et_independent, et_short
m4_dnl ------------------------
m4_dnl Before a loop whose turns do not depend on one another; the same where these are so few that a compiler would
m4_dnl write them out before it makes vectors of them.
m4_define(«et_independent», «$1ETR_INDEPENDENT
»)m4_dnl
m4_define(«et_short», «$1ETR_SHORT
»)m4_dnl
m4_dnl et_parallel
m4_dnl -----------
m4_dnl Before a loop whose turns threads share.
m4_define(«et_parallel», «$1ETR_PARALLEL
»)m4_dnl
m4_define(«et_end», «@-
}
»)m4_dnl
m4_dnl et_called(HEAD)
m4_dnl ---------------
m4_dnl The beginning of a function that bodies call.
m4_define(«et_called», «
et_value(clones)«»static $1
{
@+
»)m4_dnl
