/* SPDX-License-Identifier: MIT-0 */
/* Whole files.  In: a path, and bytes to go there.  Out: the file, or its bytes.  What holds
   afterwards: a file is replaced wholly or not at all, and no memory was taken for a size that the
   file does not have.  */
#define _POSIX_C_SOURCE 200809L

#include "etrace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const etr_file_part *part)
{
    for (size_t done = 0; done < part->n;) {
        const ssize_t n = write(fd, (const char *)part->bytes + done, part->n - done);
        if (n < 0 && errno != EINTR)
            return 0;
        done += n > 0 ? (size_t)n : 0;
    }
    return 1;
}

/* FD has the mode 0600 of mkstemp; a new file has what the mask allows, an old one keeps its own. */
static int set_mode(int fd, const char *path)
{
    struct stat old;
    const mode_t mask = umask(0);

    umask(mask);
    return fchmod(fd, stat(path, &old) == 0 ? old.st_mode & 0777 : 0666 & ~mask) == 0;
}

static int fill(int fd, const char *path, const etr_file_part *parts, int n)
{
    int good = set_mode(fd, path);

    for (int i = 0; good && i < n; i++)
        good = write_all(fd, &parts[i]);
    return good && fsync(fd) == 0;
}

/* Make the rename itself lasting.  That it worked is not needed: the file is whole either way.  */
static void flush_folder(char *name)
{
    char *slash = strrchr(name, '/');
    int fd;

    if (slash)
        slash[slash == name] = '\0';
    fd = open(slash ? name : ".", O_RDONLY);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

int etr_file_replace(const char *path, const etr_file_part *parts, int n)
{
    const size_t len = strlen(path);
    char *name = malloc(len + sizeof ".XXXXXX");
    int fd, good, error;

    if (!name)
        return -1;
    memcpy(name, path, len);
    memcpy(name + len, ".XXXXXX", sizeof ".XXXXXX");
    fd = mkstemp(name);
    if (fd < 0) {
        error = errno;
        free(name);
        errno = error;
        return -1;
    }
    good = fill(fd, path, parts, n);
    error = errno;
    if (close(fd) != 0 && good) {
        good = 0;
        error = errno;
    }
    if (good && rename(name, path) != 0) {
        good = 0;
        error = errno;
    }
    if (good)
        flush_folder(name);
    else
        unlink(name);
    free(name);
    errno = error;
    return good ? 0 : -1;
}

FILE *etr_file_open(const char *path)
{
    const int fd = open(path, O_RDONLY | O_NONBLOCK);
    struct stat file;
    FILE *f = NULL;
    int error;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &file) == 0) {
        if (S_ISREG(file.st_mode))
            f = fdopen(fd, "rb");
        else
            errno = S_ISDIR(file.st_mode) ? EISDIR : EINVAL;
    }
    error = errno;
    if (!f)
        close(fd);
    errno = error;
    return f;
}

void *etr_file_read(const char *path, size_t limit, size_t *n)
{
    FILE *f = etr_file_open(path);
    struct stat file;
    char *bytes = NULL;
    int error;

    if (!f)
        return NULL;
    if (fstat(fileno(f), &file) == 0) {
        *n = (size_t)file.st_size;
        if ((unsigned long long)file.st_size > limit)
            errno = EFBIG;
        else if ((bytes = malloc(*n + 1)) != NULL && fread(bytes, 1, *n, f) != *n) {
            free(bytes);
            bytes = NULL;
            errno = EIO;
        }
    }
    error = errno;
    fclose(f);
    errno = error;
    return bytes;
}
