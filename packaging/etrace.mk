# SPDX-License-Identifier: MIT-0
# Rules for GNU make 4.3 or later.  Name the models, then include this file:
#
#     ETRACE_MODELS = counter.yaml
#     include $(shell pkg-config --variable=datadir etrace)/make/etrace.mk
#     program: main.o counter.o
#     	$(CC) -o $@ $^ $(ETRACE_LIBS)
#     main.o: counter.h
#
# Of folder/counter.yaml this makes counter.c and counter.h in ETRACE_OUT (default: here), in one call of
# ETRACE_GEN with ETRACE_GENFLAGS, again when a file changed that the model was read from.
#
# ETRACE_CFLAGS and ETRACE_LIBS are for the library; ETRACE_RUNTIME is the folder of its sources.
ifeq ($(filter grouped-target,$(.FEATURES)),)
$(error etrace.mk needs GNU make 4.3 or later)
endif

ETRACE_RUNTIME := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))../runtime)
ETRACE_GEN ?= etrace-gen
ETRACE_OUT ?= .
PKG_CONFIG ?= pkg-config
ETRACE_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags etrace)
ETRACE_LIBS ?= $(shell $(PKG_CONFIG) --libs etrace)

# $(call etrace_rule,MODEL,OUTPUT without its ending)
define etrace_rule
$(2).c $(2).h &: $(1)
	$$(ETRACE_GEN) $$(ETRACE_GENFLAGS) -MD -MP -MF $(2).etrace.d -o $(2).c $(1)
-include $(2).etrace.d
endef

# The first goal of who includes this stays the first.
etrace_goal := $(.DEFAULT_GOAL)
etrace_output = $(patsubst ./%,%,$(ETRACE_OUT)/$(basename $(notdir $(1))))
$(foreach model,$(ETRACE_MODELS),$(eval $(call etrace_rule,$(model),$(call etrace_output,$(model)))))
.DEFAULT_GOAL := $(etrace_goal)
