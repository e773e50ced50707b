#!/bin/sh
# SPDX-License-Identifier: MIT-0
# Build examples/mpi around a model in a folder, and run it.
# In: the generator, the source tree, a spec, the folder, numbers of processes; MPICC and MPIRUN.
# TRAIN_ONLY=yes does not measure the network.
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
    # shellcheck disable=SC2086 # words
    "$MPICC" -std=c99 -O3 ${MPI_CFLAGS-} -I "$folder" -I "$source/runtime" -o "$folder/$program" "$@" \
        "$source/examples/mpi/all_reduce.c" -lm
}
build train "$source/examples/mpi/train.c" "$folder/net.c"

# Open MPI refuses root, and more processes than cores, unless it is told.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
oversubscribe=
if "$MPIRUN" --version | grep -q 'Open MPI\|OpenRTE'; then oversubscribe=--oversubscribe; fi
# shellcheck disable=SC2086 # one word or none
go() { "$MPIRUN" $oversubscribe -n "$@" </dev/null; }

for n in $ranks; do
    go "$n" "$folder/train" "${EPOCHS-20}"
done
[ "${TRAIN_ONLY-}" != yes ] || exit 0
build network "$source/examples/mpi/network.c"
go 2 "$folder/network"
