#!/bin/sh
# SPDX-License-Identifier: MIT-0
# usage: rules.sh ETRACE-GEN SPEC MODEL FOLDER COMPILE...
# FOLDER/MODEL_RULE.c for each rule that an example's program may have besides d_rtrl and bptt, and
# the object beside it, made by COMPILE.  rtrl is not among them: its influence matrix would take a
# hundred megabytes of stack.  three_factor wants a reward among the inputs.
set -eu
generator=$1 spec=$2 model=$3 folder=$4
shift 4
for rule in pp_prop hybrid eprop ostl_recurrent ostl_feedforward snap uoro dni scalar_leak \
    no_recursion; do
    case $rule in
    hybrid) setting=below=1000 ;; # else it is pp_prop
    uoro) setting=seed=1 ;;
    *) setting=rule=$rule ;;
    esac
    name=$folder/${model}_$rule
    "$generator" --prefix="${model}_$rule" --rule="$rule" --learning="$setting" -o "$name.c" "$spec"
    "$@" -c -o "$name.o" "$name.c"
done
