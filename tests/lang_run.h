/* SPDX-License-Identifier: Apache-2.0 */
/* Specs of tests/lang/, run: NAME.yaml is generated, compiled with the house's warnings as errors, linked
   with NAME.c and run.  Its exit status says whether all of its checks held.  */
#ifndef LANG_RUN_H
#define LANG_RUN_H

/* Fails the test with what was printed.  */
void lang_run(const char *name);

/* The same for a spec that is to be generated and compiled only, with the generator's further OPTIONS.  */
void lang_compile(const char *spec, const char *options);

/* The generator with OPTIONS on tests/lang/SPEC: its exit status; what it printed, to free.  */
int lang_generate(const char *spec, const char *options, char **text);

/* The whole file srcdir/PATH, to free.  */
char *lang_file(const char *path);

#endif
