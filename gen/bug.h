/* SPDX-License-Identifier: Apache-2.0 */
/* What is done when the program itself is wrong.  */
#ifndef BUG_H
#define BUG_H

/* From now on an abort or a crash ends the program with status 70 and a message that asks for a
   report, instead of with a signal.  */
void bug_watch(void);

#endif
