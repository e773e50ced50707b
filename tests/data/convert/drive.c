/* SPDX-License-Identifier: Apache-2.0 */
/* A converted model, m.h, with its weights: drive WEIGHTS.npz EXPECTED.npz ERROR.  Each row of x goes in, and
   what comes out differs from the row of y by at most ERROR.  */
#include "etrace_npz.h"
#include "m.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static m_params params;
static m_state state;

int main(int argc, char **argv)
{
    m_input in;
    m_output out;
    int rank, nx[ETR_RANK_MAX], ny[ETR_RANK_MAX], wrong = 0;
    etr_npz *npz = argc == 4 ? etr_npz_open(argv[2]) : NULL;
    const double *x = npz ? etr_npz_get(npz, "x", &rank, nx) : NULL;
    const double *y = x ? etr_npz_get(npz, "y", &rank, ny) : NULL;
    if (!y || etr_npz_load(argv[1], &params, &m_info, ETR_PARAM) != ETR_NPZ_OK) {
        fprintf(stderr, "%s\n", etr_npz_error());
        return 2;
    }
    if (sizeof in != (size_t)nx[1] * sizeof(float) || sizeof out != (size_t)ny[1] * sizeof(float)) {
        fprintf(stderr, "other sizes\n");
        return 2;
    }
    m_init_state(&state);
    for (int t = 0; t < nx[0]; t++) {
        for (int i = 0; i < nx[1]; i++)
            ((float *)&in)[i] = (float)x[t * nx[1] + i];
        m_step(&params, &state, &in, &out);
        for (int i = 0; i < ny[1]; i++) {
            const double got = ((const float *)&out)[i], want = y[t * ny[1] + i];
            if (!(fabs(got - want) <= atof(argv[3]) * (1 + fabs(want))) && wrong++ < 10)
                fprintf(stderr, "step %d, output %d: %.9g, not %.9g\n", t, i, got, want);
        }
    }
    etr_npz_close(npz);
    return wrong > 0;
}
