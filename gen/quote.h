/* SPDX-License-Identifier: Apache-2.0 */
/* The four ways in which text leaves the generator: through m4, into a C
   string, into a C comment, into a page.  */
#ifndef QUOTE_H
#define QUOTE_H

#include "buf.h"

/* TEXT so that m4 (prefix m4_, our macros et_, quotes the two UTF-8 guillemets)
   passes it through untouched: every byte but letters, digits, space and
   + - * / = < > . ; : becomes @hh (two hex digits); skel_decode undoes it.  */
void quote_m4(buf *out, const char *text, size_t len);

/* TEXT as the inside of a C comment on one line: no end or start of a comment, no
   trigraph, no backslash at the end of a line, only printable ASCII (other bytes as \xhh).  */
void quote_comment(buf *out, const char *text);

/* TEXT as a C string literal with its quotes; trigraphs broken, non-ASCII in octal.  */
void quote_string(buf *out, const char *text);

/* TEXT as text or as the value of an attribute between quotes, in HTML and in SVG.  */
void quote_html(buf *out, const char *text);

#endif
