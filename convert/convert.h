/* SPDX-License-Identifier: Apache-2.0 */
/* The readers and writers of etrace-convert.  */
#ifndef CONVERT_H
#define CONVERT_H

#include "convert_options.h"
#include "net.h"
#include "outputs.h"

/* An exit status, 0 if all is well; after a message otherwise.  */

/* A .nir file -> a network, with delays and shapes.  */
int nir_read(const char *path, net *n);

/* A network -> the bytes of a .nir file.  */
bool nir_write(const net *n, buf *file);

/* A network -> the text of a spec, and its parameters.  */
int spec_write(const net *n, const convert_options *o, outputs *out);

/* How edge E is written in the `in` of a module: NAME, NAME.z, flatten(NAME), reshape(NAME, [h, w, c]).  */
const char *spec_term(arena *a, const net *n, const net_edge *e);

/* A spec and its parameters -> a network.  */
int spec_to_net(const convert_options *o, net *n);

/* PyTorch's state_dict -> a spec and its parameters.  */
int torch_convert(const convert_options *o, arena *a, diag *d, outputs *out);

/* --- parameters, weights.c --- */

typedef struct {
    const char *path;
    net_shape shape;
    const double *value;
} weight;

typedef struct {
    arena *arena;
    size_t n, cap;
    weight *item;
} weights;

void weights_add(weights *w, const char *path, const net_shape *shape, const double *value);

/* The bytes of a .npz of them, as floats of BITS.  False after an error.  */
bool weights_write(const weights *w, int bits, buf *file, diag *d);

/* X as it is read back, without needless digits.  */
const char *number_text(arena *a, double x);

#endif
