/* SPDX-License-Identifier: Apache-2.0 */
/* The little of HDF5 that NIR needs, for files that may be hostile.  */
#ifndef HDF5_FILE_H
#define HDF5_FILE_H

#include "net.h"

#include <hdf5.h>

/* A file in memory needs a name that no other one has.  */
#define H5_NO_FILE "/dev/null/etrace"

/* No messages of the library's own, no plugins.  */
void h5_quiet(void);

/* A file in memory, read from PATH: what it links to outside of itself is not opened.  Negative after an
   error; *SIZE is its size, left alone where it cannot be read.  */
hid_t h5_open(const char *path, net *n, int64_t *size);

/* What a reader carries.  */
typedef struct {
    net *n;
    int64_t size;     /* of the file */
    int64_t elements; /* read so far */
} h5_reader;

/* The group or dataset NAME in GROUP; WHERE is the node's name for messages.  Negative after an error, or
   without one where it is not there.  */
bool h5_exists(hid_t group, const char *name);
hid_t h5_group(h5_reader *r, hid_t group, const char *name, const char *where);

/* The names of the hard links in GROUP, in order, and their number.  NULL after an error.  */
const char **h5_names(h5_reader *r, hid_t group, const char *where, size_t *count);

/* The numbers of a dataset, of at most NET_AXES + 1 axes; NULL after an error.  */
double *h5_numbers(h5_reader *r, hid_t group, const char *name, const char *where, int *rank,
                   int64_t dim[H5S_MAX_RANK]);

/* The texts of a dataset, COUNT of them; NULL after an error.  */
const char **h5_texts(h5_reader *r, hid_t group, const char *name, const char *where, size_t *count);

/* Is the dataset a text?  */
bool h5_is_text(hid_t group, const char *name);

#endif
