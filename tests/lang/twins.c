/* SPDX-License-Identifier: Apache-2.0 */
#define MODEL twins
#define LANG_GRADIENT
#include "model.h"

#include "lang.h"

int main(void)
{
    static twins_params p;
    static twins_state s;
    static twins_input in;
    static twins_target target;
    fill(&p, sizeof p, 1);
    fill(&in, sizeof in, 1);
    fill(&target, sizeof target, 1);
    gradient_by_differences(&p, &s, &in, &target, 1e-8);
    return verdict();
}
