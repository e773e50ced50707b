/* SPDX-License-Identifier: MIT-0 */
/* Snapshots in files, for hosts.  In: blocks and a path.  Out: the file, or the blocks filled.
   What holds afterwards: a file or all blocks are changed, or nothing is.  */
#include "etrace_snapshot.h"
#include "etrace_file.h"

#include <errno.h>
#include <stdlib.h>

/* The blocks of a file, as etrace_label.h has them.  */
typedef struct {
    etr_label *label;
    void **data;
    size_t size; /* of the file; 0 when a block is none of the model's */
} contents;

static void contents_free(contents *c)
{
    const int error = errno;

    free(c->label);
    free(c->data);
    errno = error;
}

static etr_snapshot_status contents_of(const etr_info *info, const etr_block *blocks, int n,
                                       contents *c)
{
    const size_t room = n > 0 ? (size_t)n : 1;

    *c = (contents){malloc(room * sizeof *c->label), malloc(room * sizeof *c->data), 0};
    if (!c->label || !c->data) {
        contents_free(c);
        return ETR_SNAPSHOT_MEMORY;
    }
    for (int i = 0; i < n; i++) {
        c->label[i] = etr_snapshot_label(info, blocks[i].kind);
        c->data[i] = blocks[i].data;
        c->size += c->label[i].bytes + ETR_SNAPSHOT_MORE;
    }
    for (int i = 0; i < n; i++) {
        if (c->label[i].bytes == 0)
            c->size = 0;
    }
    return ETR_SNAPSHOT_OK;
}

/* The blocks of C as a file's bytes, and those as a file.  */
static etr_snapshot_status save(const char *path, const contents *c, int n, uint64_t step)
{
    unsigned char *bytes = c->size ? malloc(c->size) : NULL;
    etr_file_part part = {bytes, c->size};
    etr_snapshot_status status = ETR_SNAPSHOT_OK;
    int error;

    if (c->size == 0)
        return ETR_SNAPSHOT_KIND;
    if (!bytes)
        return ETR_SNAPSHOT_MEMORY;
    etr_blocks_write(c->label, (const void *const *)c->data, n, step, bytes);
    if (etr_file_replace(path, &part, 1) != 0)
        status = ETR_SNAPSHOT_IO;
    error = errno;
    free(bytes);
    errno = error;
    return status;
}

etr_snapshot_status etr_snapshot_save(const char *path, const etr_info *info,
                                      const etr_block *blocks, int n, uint64_t step)
{
    contents c;
    etr_snapshot_status status = contents_of(info, blocks, n, &c);

    if (status != ETR_SNAPSHOT_OK)
        return status;
    status = save(path, &c, n, step);
    contents_free(&c);
    return status;
}

etr_snapshot_status etr_snapshot_load(const char *path, const etr_info *info,
                                      const etr_block *blocks, int n, uint64_t *step)
{
    contents c;
    unsigned char *bytes;
    size_t size;
    etr_snapshot_status status = contents_of(info, blocks, n, &c);

    if (status != ETR_SNAPSHOT_OK)
        return status;
    /* A file with other blocks than these is read to say so; one beyond all reason is not.  */
    bytes = etr_file_read(path, 2 * c.size + 65536, &size);
    if (bytes)
        status = etr_blocks_read(c.label, c.data, n, step, bytes, size);
    else
        status = errno == EFBIG    ? ETR_SNAPSHOT_LENGTH
                 : errno == ENOMEM ? ETR_SNAPSHOT_MEMORY
                                   : ETR_SNAPSHOT_IO;
    free(bytes);
    contents_free(&c);
    return status;
}
