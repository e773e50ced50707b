m4_dnl SPDX-License-Identifier: MIT-0
m4_dnl
m4_dnl The Makefile of a check program.  The values are listed in templates/README.md.

m4_dnl et_rule_object(NAME, ...)
m4_dnl -------------------------
m4_dnl What a rule is compiled to.
m4_define(«et_rule_object», «	$1.o \
»)m4_dnl
et_file(1)
# Compare learning rules on the model of et_value(file).  Written by etrace-gen et_value(version).
# SPDX-License-Identifier: MIT-0
#
#     make run STEPS=100 SEQUENCES=50 SEED=2 SCALE=1

CFLAGS = -std=c99 -O2
STEPS = 50
SEQUENCES = 20
SEED = 1
SCALE = 1

objects = \
et_each_rule(«et_rule_object»)	rules.o \
	picture.o \
	main.o

compare: $(objects)
	$(CC) $(CFLAGS) $(LDFLAGS) -o compare $(objects) -lm

$(objects): compare.h rules.c

run: compare
	./compare $(STEPS) $(SEQUENCES) $(SEED) $(SCALE)

clean:
	rm -f compare compare.svg $(objects)
