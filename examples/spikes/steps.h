/* SPDX-License-Identifier: MIT-0 */
/* How long an image is looked at.  */
#ifndef STEPS_H
#define STEPS_H

enum { STEPS = 16 };

#endif
