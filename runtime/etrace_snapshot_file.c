/* SPDX-License-Identifier: MIT-0 */
/* Snapshots in files, for hosts.  In: blocks and a path.  Out: the file, or the blocks filled.
   What holds afterwards: a file or all blocks are changed, or nothing is.  */
#include "etrace_snapshot.h"
#include "etrace_file.h"

#include <errno.h>
#include <stdlib.h>

/* Bytes of the file; 0 when a block is none of the model's.  */
static size_t file_size(const etr_info *info, const etr_block *blocks, int n)
{
    size_t total = 0;

    for (int i = 0; i < n; i++) {
        const size_t size = etr_snapshot_size(info, blocks[i].kind);
        if (size == 0)
            return 0;
        total += size;
    }
    return total;
}

etr_snapshot_status etr_snapshot_save(const char *path, const etr_info *info,
                                      const etr_block *blocks, int n, uint64_t step)
{
    const size_t total = file_size(info, blocks, n);
    unsigned char *bytes = total ? malloc(total) : NULL;
    etr_file_part part = {bytes, total};
    etr_snapshot_status status = ETR_SNAPSHOT_OK;
    size_t at = 0;
    int error;

    if (total == 0)
        return ETR_SNAPSHOT_KIND;
    if (!bytes)
        return ETR_SNAPSHOT_MEMORY;
    for (int i = 0; i < n; i++) {
        etr_snapshot_write(info, blocks[i].kind, blocks[i].data, step, bytes + at);
        at += etr_snapshot_size(info, blocks[i].kind);
    }
    if (etr_file_replace(path, &part, 1) != 0)
        status = ETR_SNAPSHOT_IO;
    error = errno;
    free(bytes);
    errno = error;
    return status;
}

/* Are SIZE BYTES the snapshots of the blocks, and nothing else?  */
static etr_snapshot_status check_all(const etr_info *info, const etr_block *blocks, int n,
                                     const unsigned char *bytes, size_t size)
{
    for (int i = 0; i < n; i++) {
        const size_t part = etr_snapshot_extent(bytes, size);
        const etr_snapshot_status status =
            etr_snapshot_check(info, blocks[i].kind, bytes, part);
        if (status != ETR_SNAPSHOT_OK)
            return status;
        bytes += part;
        size -= part;
    }
    return size == 0 ? ETR_SNAPSHOT_OK : ETR_SNAPSHOT_LENGTH;
}

etr_snapshot_status etr_snapshot_load(const char *path, const etr_info *info,
                                      const etr_block *blocks, int n, uint64_t *step)
{
    /* A file with other blocks than these is read to say so; one beyond all reason is not.  */
    const size_t limit = 2 * file_size(info, blocks, n) + 65536;
    size_t size, at = 0;
    unsigned char *bytes = etr_file_read(path, limit, &size);
    etr_snapshot_status status;

    if (!bytes)
        return errno == EFBIG ? ETR_SNAPSHOT_LENGTH
               : errno == ENOMEM ? ETR_SNAPSHOT_MEMORY
                                 : ETR_SNAPSHOT_IO;
    status = check_all(info, blocks, n, bytes, size);
    for (int i = 0; i < n && status == ETR_SNAPSHOT_OK; i++) {
        const size_t part = etr_snapshot_size(info, blocks[i].kind);
        status = etr_snapshot_read(info, blocks[i].kind, blocks[i].data, step, bytes + at, part);
        at += part;
    }
    free(bytes);
    return status;
}
