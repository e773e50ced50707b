/* SPDX-License-Identifier: Apache-2.0 */
/* golden-check: compares a spec with a case of reference data.  In: a command line.  Out: what
   golden.c says.  Without ETRACE_GEN the generator beside it in the build tree is run.  */
#define _POSIX_C_SOURCE 200809L
#include "golden.h"

#include "command.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* DIR/tests/golden-check is ours: then DIR/etrace-gen is the generator, and it reads the sources'
   templates.  */
static void find_generator(const char *self)
{
    const char *slash = strrchr(self, '/');
    char path[COMMAND_PATH];

    snprintf(path, sizeof path, "%.*s../etrace-gen", slash ? (int)(slash - self) + 1 : 0, self);
    if (getenv("ETRACE_GEN") || access(path, X_OK) != 0)
        return;
    setenv("ETRACE_GEN", path, 1);
    setenv("ETRACE_DATADIR", SOURCE_FOLDER, 0);
}

int main(int argc, char **argv)
{
    find_generator(argv[0]);
    return golden_run(argc, (const char *const *)argv, stdout);
}
