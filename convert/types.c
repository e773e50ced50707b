/* SPDX-License-Identifier: Apache-2.0 */
/* The types of NIR 1.0.8, and the cells that stand for them.  */
#include "net.h"

#include <string.h>

#define UNITS(name) {#name, #name, LAYOUT_UNITS, false}
#define V_RESET {"v_reset", "v_reset", LAYOUT_UNITS, true}
#define KERNEL {"weight", "W", LAYOUT_KERNEL, false}
#define BIAS {"bias", "b", LAYOUT_AS_IS, false}

const net_type net_types[] = {
    {.name = "Input", .kind = NET_INPUT},
    {.name = "Output", .kind = NET_OUTPUT},
    {.name = "Linear", .kind = NET_MATRIX, .cell = "nir_linear",
     .array = {{"weight", "W", LAYOUT_MATRIX, false}}},
    {.name = "Affine", .kind = NET_MATRIX, .cell = "linear",
     .array = {{"weight", "W", LAYOUT_MATRIX, false}, BIAS}},
    {.name = "Scale", .kind = NET_UNITS, .cell = "nir_scale", .array = {UNITS(scale)}},
    {.name = "Threshold", .kind = NET_UNITS, .cell = "nir_threshold", .array = {UNITS(threshold)}},
    {.name = "LIF", .kind = NET_UNITS, .cell = "nir_lif", .state = "z", .timed = true,
     .array = {UNITS(tau), UNITS(r), UNITS(v_leak), UNITS(v_threshold), V_RESET}},
    {.name = "CubaLIF", .kind = NET_UNITS, .cell = "nir_cuba_lif", .state = "z", .timed = true,
     .array = {UNITS(tau_syn), UNITS(tau_mem), UNITS(r), UNITS(v_leak), UNITS(v_threshold), V_RESET,
               UNITS(w_in)}},
    {.name = "LI", .kind = NET_UNITS, .cell = "nir_li", .state = "v", .timed = true,
     .array = {UNITS(tau), UNITS(r), UNITS(v_leak)}},
    {.name = "CubaLI", .kind = NET_UNITS, .cell = "nir_cuba_li", .state = "v", .timed = true,
     .array = {UNITS(tau_syn), UNITS(tau_mem), UNITS(r), UNITS(v_leak), UNITS(w_in)}},
    {.name = "IF", .kind = NET_UNITS, .cell = "nir_if", .state = "z", .timed = true,
     .array = {UNITS(r), UNITS(v_threshold), V_RESET}},
    {.name = "I", .kind = NET_UNITS, .cell = "nir_i", .state = "v", .timed = true, .array = {UNITS(r)}},
    {.name = "Conv1d", .kind = NET_CONV, .cell = "nir_conv1d", .axes = 2, .array = {KERNEL, BIAS},
     .number = {{"stride", 1, 1}, {"padding", 1, 0}, {"dilation", 1, 1}, {"groups", 1, 1}}},
    {.name = "Conv1d", .kind = NET_CONV, .cell = "nir_conv1d_same", .axes = 2, .array = {KERNEL, BIAS},
     .number = {{"dilation", 1, 1}, {"groups", 1, 1}}},
    {.name = "Conv2d", .kind = NET_CONV, .cell = "nir_conv2d", .axes = 3, .array = {KERNEL, BIAS},
     .number = {{"stride", 2, 1}, {"padding", 2, 0}, {"dilation", 2, 1}, {"groups", 1, 1}}},
    {.name = "Conv2d", .kind = NET_CONV, .cell = "nir_conv2d_same", .axes = 3, .array = {KERNEL, BIAS},
     .number = {{"dilation", 2, 1}, {"groups", 1, 1}}},
    {.name = "SumPool2d", .kind = NET_POOL, .cell = "nir_sum_pool2d", .axes = 3,
     .number = {{"kernel_size", 2, 1}, {"stride", 2, 1}}},
    {.name = "AvgPool2d", .kind = NET_POOL, .cell = "nir_avg_pool2d", .axes = 3,
     .number = {{"kernel_size", 2, 1}, {"stride", 2, 1}}},
    {.name = "Flatten", .kind = NET_FLATTEN, .cell = "nir_flatten", .axes = 3,
     .number = {{"start_dim", 1, INT64_MIN}, {"end_dim", 1, INT64_MIN}}},
    {.name = "Flatten", .kind = NET_FLATTEN, .cell = "nir_flatten1d", .axes = 2,
     .number = {{"start_dim", 1, INT64_MIN}, {"end_dim", 1, INT64_MIN}}},
    {.name = NULL},
};

const net_type net_pass = {.name = "", .kind = NET_PASS};

const net_type *net_type_of(const char *name)
{
    for (const net_type *t = net_types; t->name; t++)
        if (strcmp(t->name, name) == 0)
            return t;
    return NULL;
}

const net_type *net_type_of_cell(const char *cell)
{
    for (const net_type *t = net_types; t->name; t++)
        if (t->cell && strcmp(t->cell, cell) == 0)
            return t;
    return NULL;
}

bool net_pads_same(const net_type *type)
{
    return type->kind == NET_CONV && strcmp(type->number[0].name, "dilation") == 0;
}

const net_type *net_same_padding(const net_type *type)
{
    return type->kind != NET_CONV ? NULL : net_pads_same(type) ? type : type + 1;
}
