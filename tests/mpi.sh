#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# examples/mpi with several numbers of processes: one number gives the same parameters each time, all of them
# the same losses to rounding.  In: the source tree; ETRACE_GEN.  77: MPI is not there.
set -eu
source=$1
command -v mpicc >/dev/null && command -v mpirun >/dev/null || { echo "no mpicc or mpirun"; exit 77; }
export TRAIN_ONLY=yes EPOCHS=3 MPI_CFLAGS="-Wall -Wextra -Werror"
train() {
    "$source/examples/mpi/run.sh" "$ETRACE_GEN" "$source" "$source/examples/mpi/model.yaml" . "$1" \
        >"$2" 2>log || { cat log; exit 1; }
    grep -q '^checksum ' "$2"
}
for ranks in 1 2 3; do
    train "$ranks" "first$ranks"
    train "$ranks" "again$ranks"
    cmp "first$ranks" "again$ranks"
done
# The first epoch's loss begins from the same parameters; the last is smaller.
awk '/^epoch/ { loss[++n] = $4 } END { exit !(n == 3 && loss[3] < loss[1]) }' first1
