#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# examples/mpi with several numbers of processes: each gives the same parameters in every run, and the
# loss falls.  In: the source tree; ETRACE_GEN.  77: MPI is not there.
set -eu
source=$1
for tool in mpicc mpirun; do
    command -v $tool >/dev/null || { echo "$tool is not there"; exit 77; }
done
export TRAIN_ONLY=yes EPOCHS=3 MPI_CFLAGS="-Wall -Wextra -Wpedantic -Werror"
"$source/examples/mpi/run.sh" "$ETRACE_GEN" "$source" "$source/examples/mpi/model.yaml" . \
    "1 1 2 2 3 3" >trained 2>log || { cat log; exit 1; }
cat trained
awk '
    /^checksum/ {
        sum[++runs] = $2
        if (runs % 2 == 0 && sum[runs] != sum[runs - 1]) wrong = 1
    }
    /^epoch/ { loss[++n] = $4 }
    END { # three epochs a run: the loss falls, and of two and of three processes it is another sum
        for (i = 3; i <= n; i += 3) if (loss[i] >= loss[i - 2]) wrong = 1
        exit wrong || runs != 6 || n != 18 || sum[1] == sum[3]
    }' trained
