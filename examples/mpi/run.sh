#!/bin/sh
# SPDX-License-Identifier: MIT-0
# Build examples/mpi around a model in a folder, and run it.
# In: the generator, the source tree, a spec, the folder, a number of processes; MPICC and MPIRUN.
set -eu
generator=$1 source=$2 model=$3 folder=$4 ranks=$5
if [ -z "${MPICC:=$(command -v mpicc)}" ] || [ -z "${MPIRUN:=$(command -v mpirun)}" ]; then
    echo "run.sh: MPI is needed: mpicc and mpirun (Debian: libopenmpi-dev, openmpi-bin)" >&2
    exit 77
fi
mkdir -p "$folder"
"$generator" --prefix=net -o "$folder/net.c" "$model"
build() {
    program=$1
    shift
    "$MPICC" -std=c99 -O3 ${MPI_CFLAGS-} -I "$folder" -I "$source/runtime" -o "$folder/$program" "$@" \
        "$source/examples/mpi/all_reduce.c" -lm
}
build train "$source/examples/mpi/train.c" "$folder/net.c"
build network "$source/examples/mpi/network.c"

# Open MPI refuses root, and more processes than cores, unless it is told.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
oversubscribe=
if "$MPIRUN" --version | grep -q 'Open MPI\|OpenRTE'; then oversubscribe=--oversubscribe; fi
go() { "$MPIRUN" $oversubscribe -n "$@" </dev/null; }

if [ "${TRAIN_ONLY-}" = yes ]; then
    go "$ranks" "$folder/train" ${EPOCHS-20}
    exit
fi
go 1 "$folder/train"
go "$ranks" "$folder/train"
go 2 "$folder/network"
