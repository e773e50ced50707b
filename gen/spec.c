/* SPDX-License-Identifier: Apache-2.0 */
/* In: the tree of a file.  Out: the spec.
   Afterwards every key is known, every name is one for C too, every equation has been parsed, and
   what the language has no support for yet was refused by its name.  */
#include "spec_read.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 63 };

/* --- what the readers share ---------------------------------------------------------------------- */

/* Words that C99 to C23 or C++ keep for themselves.  */
static const char *const reserved[] = {
    "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break",
    "case", "catch", "char", "class", "compl", "concept", "const", "const_cast", "consteval",
    "constexpr", "constinit", "continue", "decltype", "default", "delete", "do", "double",
    "dynamic_cast", "else", "enum", "explicit", "export", "extern", "false", "float", "for",
    "friend", "goto", "if", "inline", "int", "long", "main", "mutable", "namespace", "new", "noexcept",
    "not", "not_eq", "nullptr", "operator", "or", "or_eq", "private", "protected", "public",
    "register", "reinterpret_cast", "requires", "restrict", "return", "short", "signed", "sizeof",
    "static", "static_assert", "static_cast", "struct", "switch", "template", "this",
    "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", "typeof", "union",
    "unsigned", "using", "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
    "linux", "unix", "NULL", "INFINITY", "NAN", "HUGE_VAL"};

static bool among(const char *text, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, list[i]) == 0)
            return true;
    return false;
}

static const char *kind_name(const yaml_tree *t)
{
    return t->kind == YAML_SCALAR ? "a single value" : t->kind == YAML_MAPPING ? "a mapping" : "a list";
}

bool spec_want_mapping(reader *r, const yaml_tree *t, const char *what)
{
    if (t->kind == YAML_MAPPING)
        return true;
    diag_error(r->diag, t->at, "E0230", "%s is a mapping (key: value), not %s", what, kind_name(t));
    return false;
}

bool spec_want_scalar(reader *r, const yaml_tree *t, const char *what)
{
    if (t->kind == YAML_SCALAR && (t->len > 0 || !t->plain))
        return true;
    diag_error(r->diag, t->at, "E0231", "%s is a single value, not %s", what,
               t->kind == YAML_SCALAR ? "empty" : kind_name(t));
    return false;
}

bool spec_read_keys(reader *r, yaml_tree *mapping, const char *what, const spec_key *keys, size_t n,
                    void *context)
{
    if (!spec_want_mapping(r, mapping, what))
        return false;
    for (size_t i = 0; i < mapping->n; i++) {
        const yaml_tree *key = mapping->pair[i].key;
        const char *names[40];
        size_t k = 0;
        while (k < n && strcmp(keys[k].name, key->text) != 0) {
            names[k] = keys[k].name;
            k++;
        }
        if (k < n) {
            keys[k].read(r, key, mapping->pair[i].value, context);
            continue;
        }
        const char *near = diag_nearest(key->text, names, n);
        diag_error(r->diag, key->at, "E0232", "%s has no key '%s'%s%s%s", what, key->text,
                   near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    }
    return true;
}

const char *spec_name_fault(const char *text)
{
    size_t len = strlen(text);
    bool fits = isalpha((unsigned char)text[0]) && len <= NAME_MAX_LENGTH;
    for (size_t i = 0; fits && i < len; i++)
        fits = isalnum((unsigned char)text[i]) || text[i] == '_';
    if (!fits)
        return "a name is a letter and then at most 62 letters, digits or _";
    if (among(text, reserved, sizeof reserved / sizeof reserved[0]))
        return "this word belongs to C or C++";
    if (strncmp(text, "etr_", 4) == 0 || strncmp(text, "et_", 3) == 0 || strncmp(text, "m4_", 3) == 0)
        return "names that begin with etr_, et_ or m4_ belong to the generator";
    return NULL;
}

bool spec_count(reader *r, loc at)
{
    return diag_spend(r->diag, at, "E0125", "too many names and equations", LIMIT_NAMES);
}

const char *spec_name(reader *r, const yaml_tree *t)
{
    if (!spec_want_scalar(r, t, "a name") || !spec_count(r, t->at))
        return NULL;
    const char *fault = spec_name_fault(t->text);
    if (!fault)
        return t->text;
    diag_error(r->diag, t->at, "E0233", "'%s' cannot be a name", t->text);
    diag_note(r->diag, t->at, "%s", fault);
    return NULL;
}

bool spec_whole_number(reader *r, const yaml_tree *t, long min, long max, long *res)
{
    char *end = NULL;
    errno = 0;
    long n = t->kind == YAML_SCALAR && isdigit((unsigned char)t->text[0]) ? strtol(t->text, &end, 10) : 0;
    if (end && *end == '\0' && errno == 0 && n >= min && n <= max) {
        *res = n;
        return true;
    }
    diag_error(r->diag, t->at, "E0234", "a whole number from %ld to %ld is wanted here", min, max);
    return false;
}

void spec_bool(reader *r, const yaml_tree *t, bool *res)
{
    if (t->kind == YAML_SCALAR && strcmp(t->text, "true") == 0)
        *res = true;
    else if (t->kind == YAML_SCALAR && strcmp(t->text, "false") == 0)
        *res = false;
    else
        diag_error(r->diag, t->at, "E0235", "true or false is wanted here (yes, no, on and off are "
                                            "words like any other)");
}

const char *spec_choice(reader *r, const yaml_tree *t, const char *const *choice)
{
    const char *all = "";
    size_t n = 0;
    if (!spec_want_scalar(r, t, "this"))
        return NULL;
    for (; choice[n]; n++) {
        if (strcmp(t->text, choice[n]) == 0)
            return choice[n];
        all = arena_printf(r->arena, "%s%s%s", all, n ? ", " : "", choice[n]);
    }
    const char *near = diag_nearest(t->text, choice, n);
    diag_error(r->diag, t->at, "E0236", "'%s' is none of: %s%s%s%s", t->text, all,
               near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    return NULL;
}

/* --- the top level ------------------------------------------------------------------------------- */

static void read_version(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_status *status = context;
    long version;
    (void)key;
    if (!spec_whole_number(r, value, 1, 1000000, &version) || version <= SPEC_VERSION)
        return;
    diag_error(r->diag, value->at, "E0237", "the file is of version %ld of the language; this program "
                                            "reads version %d", version, SPEC_VERSION);
    *status = SPEC_TOO_NEW;
}

static void read_name(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    (void)context;
    r->spec->name_at = key->at;
    r->spec->name = spec_name(r, value);
    if (!r->spec->name)
        r->spec->name = "";
}

static const char *const dtypes[] = {"float32", "float64", NULL};

static void read_dtype(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    const char *type = spec_choice(r, value, dtypes);
    (void)key;
    (void)context;
    r->spec->real_bits = type == dtypes[1] ? 64 : 32;
}

static void read_batch(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    long batch = 1;
    (void)context;
    r->spec->batch_at = key->at;
    spec_whole_number(r, value, 1, SPEC_BATCH_MAX, &batch);
    r->spec->batch = (int)batch;
}

static void add_import(reader *r, yaml_tree *t)
{
    if (spec_want_scalar(r, t, "the path of a cell file") && spec_count(r, t->at))
        r->spec->import[r->spec->n_imports++] = (spec_import){t->text, t->at, NULL};
}

static void read_import(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    (void)key;
    (void)context;
    r->spec->import = ARENA_ARRAY(r->arena, spec_import, value->n + 1);
    if (value->kind != YAML_SEQUENCE)
        add_import(r, value);
    for (size_t i = 0; value->kind == YAML_SEQUENCE && i < value->n; i++)
        add_import(r, value->item[i]);
}

static void read_unroll_limit(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    long limit;
    (void)key;
    (void)context;
    if (spec_whole_number(r, value, 1, SPEC_REPEAT_MAX, &limit))
        r->spec->unroll_limit = (int)limit;
}

static void read_unsupported(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    (void)value;
    (void)context;
    diag_error(r->diag, key->at, "E0238", "'%s' is not supported yet", key->text);
}

static const spec_key model_keys[] = {
    {"etrace", read_version, "version"},
    {"model", read_name, "name"},
    {"dtype", read_dtype, "dtype"},
    {"batch", read_batch, "batch"},
    {"dims", spec_read_dims, "dims"},
    {"inputs", spec_read_inputs, "inputs"},
    {"targets", spec_read_targets, "targets"},
    {"params", spec_read_params, "params"},
    {"hidden", spec_read_hidden, "hiddens"},
    {"state", spec_read_states, "states"},
    {"consts", spec_read_consts, "consts"},
    {"functions", spec_read_functions, "functions"},
    {"modules", spec_read_modules, "modules"},
    {"step", spec_read_step, "step"},
    {"outputs", spec_read_outputs, "outputs"},
    {"loss", spec_read_loss, "losses"},
    {"learning", rule_read, "learning"},
    {"import", read_import, "imports"},
    {"unroll_limit", read_unroll_limit, "repeats"},
    {"quantize", read_unsupported, "never"},
};

static const spec_key cell_keys[] = {
    {"cell", read_name, "name"},
    {"etrace", read_version, "version"},
    {"args", spec_read_args, "args"},
    {"inputs", spec_read_inputs, "inputs"},
    {"params", spec_read_params, "params"},
    {"hidden", spec_read_hidden, "hiddens"},
    {"state", spec_read_states, "states"},
    {"consts", spec_read_consts, "consts"},
    {"functions", spec_read_functions, "functions"},
    {"modules", spec_read_modules, "modules"},
    {"step", spec_read_step, "step"},
    {"outputs", spec_read_outputs, "outputs"},
    {"import", read_import, "imports"},
};

const spec_mapping spec_top_mappings[] = {SPEC_MAPPING("model", model_keys, 2),
                                          SPEC_MAPPING("cell", cell_keys, 1), {0}};
const spec_words spec_top_words[] = {{"dtype", dtypes}, {0}};

/* What a file cannot do without.  */
static void check_whole(reader *r, const yaml_tree *root)
{
    spec *s = r->spec;
    const char *what = s->is_cell ? "cell" : "model";
    if (!s->name)
        diag_error(r->diag, root->at, "E0239", "the file does not say '%s: NAME'", what);
    if (!s->is_cell && !yaml_get(root, "etrace")) {
        diag_error(r->diag, root->at, "E0240", "the file does not say 'etrace: %d'", SPEC_VERSION);
        diag_note(r->diag, root->at, "that is the version of the language it is written in");
    }
    if (s->is_cell && s->n_outputs == 0)
        diag_error(r->diag, root->at, "E0241", "a cell needs 'outputs: {y: ...}'");
}

static spec *read_root(yaml_tree *root, const char *file, bool is_cell, arena *a, diag *d,
                       spec_status *status)
{
    spec *s = ARENA_NEW(a, spec);
    reader r = {a, d, s};
    const char *slash = strrchr(file, '/');
    int before = diag_errors(d);
    s->file = file;
    s->base_name = slash ? slash + 1 : file;
    s->root = root;
    s->is_cell = is_cell;
    s->real_bits = 32;
    s->batch = 1;
    s->unroll_limit = 16;
    bool read = is_cell ? spec_read_keys(&r, root, "a cell", cell_keys,
                                         sizeof cell_keys / sizeof cell_keys[0], status)
                        : spec_read_keys(&r, root, "a model", model_keys,
                                         sizeof model_keys / sizeof model_keys[0], status);
    if (read)
        check_whole(&r, root);
    return diag_errors(d) == before ? s : NULL;
}

spec *spec_parse(const char *name, const char *text, size_t len, bool is_cell, arena *a, diag *d,
                 spec_status *status)
{
    *status = SPEC_WRONG;
    yaml_tree *root = yaml_parse(name, text, len, a, d);
    return root ? read_root(root, name, is_cell, a, d, status) : NULL;
}

spec *spec_read(const char *path, bool is_cell, arena *a, diag *d, spec_status *status)
{
    bool io_error = false;
    yaml_tree *root = yaml_read(path, a, d, &io_error);
    *status = io_error ? SPEC_UNREADABLE : SPEC_WRONG;
    return root ? read_root(root, path, is_cell, a, d, status) : NULL;
}

bool spec_is_model(const char *path, arena *a)
{
    bool io_error = false;
    const yaml_tree *root = yaml_read(path, a, diag_new(a, 1), &io_error);
    return root && root->kind == YAML_MAPPING && yaml_get(root, "model") && !yaml_get(root, "cell");
}
