/* SPDX-License-Identifier: Apache-2.0 */
/* In: the tables by which specs are read.  Out: a JSON schema.
   Afterwards every key that a reader takes is in it, and no other one; what a key's value says in
   words of the language (expressions, names of cells) is text to it.  */
#include "schema.h"

#include "diag.h"
#include "rule.h"
#include "spec_read.h"

/* Forms of values that are no mappings of keys.  */
static const struct {
    const char *name, *json;
} forms[] = {
    {"scalar", "{\"type\": [\"string\", \"number\", \"boolean\"]}"},
    {"bool", "{\"type\": \"boolean\"}"},
    {"name", "{\"type\": \"string\", \"pattern\": \"^[A-Za-z][A-Za-z0-9_]{0,62}$\"}"},
    {"names", "{\"type\": \"array\", \"items\": {\"$ref\": \"#/definitions/name\"}}"},
    {"lists", "{\"anyOf\": [{\"$ref\": \"#/definitions/scalar\"}, {\"type\": \"array\", "
              "\"items\": {\"$ref\": \"#/definitions/lists\"}}]}"},
    {"named", "{\"type\": \"object\", \"propertyNames\": {\"$ref\": \"#/definitions/name\"}, "
              "\"additionalProperties\": {\"$ref\": \"#/definitions/scalar\"}}"},
    {"never", "false"},
    {"shape", "{\"type\": \"array\", \"items\": {\"$ref\": \"#/definitions/scalar\"}}"},
    {"dims", "{\"$ref\": \"#/definitions/named\"}"},
    {"imports", "{\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"array\", "
                "\"items\": {\"type\": \"string\"}}]}"},
    {"sparse",
     "{\"type\": \"object\", \"properties\": {\"random\": {\"type\": \"object\"}, "
     "\"rows\": {\"$ref\": \"#/definitions/lists\"}, "
     "\"cols\": {\"$ref\": \"#/definitions/lists\"}, "
     "\"indptr\": {\"$ref\": \"#/definitions/lists\"}, "
     "\"indices\": {\"$ref\": \"#/definitions/lists\"}, \"npz\": {\"type\": \"string\"}}, "
     "\"additionalProperties\": false}"},
    {"derivatives", "{\"anyOf\": [{\"$ref\": \"#/definitions/lists\"}, "
                    "{\"$ref\": \"#/definitions/named\"}]}"},
    {"functions", "{\"type\": \"object\", \"propertyNames\": "
                  "{\"pattern\": \"^[A-Za-z][A-Za-z0-9_]{0,62}( *\\\\(.*\\\\))?$\"}, "
                  "\"additionalProperties\": {\"anyOf\": [{\"$ref\": \"#/definitions/scalar\"}, "
                  "{\"$ref\": \"#/definitions/function\"}]}}"},
    {"args", "{\"type\": \"object\", \"propertyNames\": {\"$ref\": \"#/definitions/name\"}, "
             "\"additionalProperties\": {\"anyOf\": [{\"$ref\": \"#/definitions/arg_type\"}, "
             "{\"$ref\": \"#/definitions/arg\"}]}}"},
    {"module",
     "{\"anyOf\": [{\"type\": \"array\", \"items\": {\"$ref\": \"#/definitions/module\"}}, "
     "{\"type\": \"object\", \"properties\": {\"cell\": {\"$ref\": \"#/definitions/name\"}, "
     "\"share\": {\"$ref\": \"#/definitions/name\"}, "
     "\"in\": {\"anyOf\": [{\"$ref\": \"#/definitions/scalar\"}, {\"type\": \"object\", "
     "\"additionalProperties\": {\"$ref\": \"#/definitions/scalar\"}}]}}, "
     "\"additionalProperties\": {\"$ref\": \"#/definitions/scalar\"}, "
     "\"anyOf\": [{\"required\": [\"cell\"]}, {\"required\": [\"share\"]}]}]}"},
    {"modules", "{\"type\": \"object\", \"propertyNames\": {\"$ref\": \"#/definitions/name\"}, "
                "\"additionalProperties\": {\"$ref\": \"#/definitions/module\"}}"},
    {"step", "{\"type\": \"array\", \"items\": {\"anyOf\": [{\"type\": \"string\"}, "
             "{\"$ref\": \"#/definitions/repeat\"}, {\"$ref\": \"#/definitions/if\"}, "
             "{\"$ref\": \"#/definitions/while\"}]}}"},
    {"outputs", "{\"anyOf\": [{\"$ref\": \"#/definitions/named\"}, {\"type\": \"array\", "
                "\"items\": {\"$ref\": \"#/definitions/scalar\"}}]}"},
    {"losses", "{\"anyOf\": [{\"$ref\": \"#/definitions/scalar\"}, "
               "{\"$ref\": \"#/definitions/loss\"}, {\"type\": [\"array\", \"object\"], "
               "\"items\": {\"anyOf\": [{\"$ref\": \"#/definitions/scalar\"}, "
               "{\"$ref\": \"#/definitions/loss\"}]}, "
               "\"propertyNames\": {\"allOf\": [{\"$ref\": \"#/definitions/name\"}, "
               "{\"not\": {\"const\": \"value\"}}]}, "
               "\"additionalProperties\": {\"anyOf\": [{\"$ref\": \"#/definitions/scalar\"}, "
               "{\"$ref\": \"#/definitions/loss\"}]}}]}"},
};

/* Declarations: NAME: [shape] or a mapping.  */
static const struct {
    const char *name, *short_form, *mapping;
} declarations[] = {
    {"inputs", "shape", "input"}, {"targets", "shape", "target"}, {"params", "shape", "param"}, {"hiddens", "shape", "hidden"},
    {"states", "shape", "state"}, {"consts", "lists", "const"},
};

static void put_whole(buf *out, double min, double max)
{
    buf_printf(out, "{\"type\": \"integer\", \"minimum\": %.0f, \"maximum\": %.0f}", min, max);
}

/* A number as YAML 1.2 knows it; some readers take 1e-6 for text.  */
static void put_number(buf *out, double min, double max)
{
    buf_printf(out,
               "{\"type\": [\"number\", \"string\"], \"minimum\": %g, \"exclusiveMaximum\": %g, "
               "\"pattern\": \"^[-+]?[0-9.]+([eE][-+]?[0-9]+)?$\"}",
               min, max);
}

static void put_words(buf *out, const char *const *words)
{
    buf_puts(out, "{\"enum\": [");
    for (int i = 0; words[i]; i++) {
        buf_puts(out, i > 0 ? ", " : "");
        diag_json_string(out, words[i]);
    }
    buf_puts(out, "]}");
}

static void begin(buf *out, const char *name)
{
    buf_puts(out, out->text[out->len - 1] == '{' ? "\n    " : ",\n    ");
    diag_json_string(out, name);
    buf_puts(out, ": ");
}

static void put_mapping(buf *out, const spec_mapping *m)
{
    begin(out, m->name);
    buf_puts(out, "{\"type\": \"object\", \"properties\": {");
    for (size_t i = 0; i < m->n; i++)
        buf_printf(out, "%s\n        \"%s\": {\"$ref\": \"#/definitions/%s\"}", i > 0 ? "," : "",
                   m->keys[i].name, m->keys[i].form);
    buf_puts(out, "},\n        \"required\": [");
    for (size_t i = 0; i < m->n_needed; i++)
        buf_printf(out, "%s\"%s\"", i > 0 ? ", " : "", m->keys[i].name);
    buf_puts(out, "], \"additionalProperties\": false}");
}

static void put_learning_key(buf *out, const rule_key *row)
{
    switch (row->form) {
    case FORM_RULE: put_words(out, rule_names()); break;
    case FORM_WORD: put_words(out, row->word); break;
    case FORM_WHOLE: put_whole(out, row->min, row->max); break;
    case FORM_NUMBER: put_number(out, row->min, row->max); break;
    case FORM_PAIR:
        buf_puts(out, "{\"anyOf\": [");
        put_number(out, row->min, row->max);
        buf_puts(out, ", {\"type\": \"array\", \"minItems\": 2, \"maxItems\": 2, \"items\": ");
        put_number(out, row->min, row->max);
        buf_puts(out, "}]}");
        break;
    case FORM_NAME: buf_puts(out, "{\"$ref\": \"#/definitions/name\"}"); break;
    case FORM_LIST: buf_puts(out, "{\"type\": \"array\"}"); break;
    }
}

static void put_learning(buf *out)
{
    begin(out, "learning");
    buf_puts(out, "{\"type\": \"object\", \"properties\": {");
    for (int k = 0; k < LEARN_COUNT; k++) {
        const rule_key *row = rule_key_row((learning_key)k);
        buf_printf(out, "%s\n        \"%s\": ", k > 0 ? "," : "", row->name);
        put_learning_key(out, row);
    }
    buf_puts(out, "},\n        \"additionalProperties\": false}");
}

static void put_definitions(buf *out)
{
    const spec_mapping *const mappings[] = {spec_top_mappings, spec_decl_mappings,
                                            spec_net_mappings, spec_step_mappings};
    const spec_words *const words[] = {spec_top_words, spec_decl_words};
    const struct { const char *name; double max; } whole[] = {
        {"version", SPEC_VERSION}, {"batch", SPEC_BATCH_MAX}, {"repeats", SPEC_REPEAT_MAX}};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        begin(out, whole[i].name);
        put_whole(out, 1, whole[i].max);
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        begin(out, forms[i].name);
        buf_puts(out, forms[i].json);
    }
    for (size_t i = 0; i < sizeof declarations / sizeof declarations[0]; i++) {
        begin(out, declarations[i].name);
        buf_printf(out,
                   "{\"type\": \"object\", \"propertyNames\": {\"$ref\": \"#/definitions/name\"}, "
                   "\"additionalProperties\": {\"anyOf\": [{\"$ref\": \"#/definitions/%s\"}, "
                   "{\"$ref\": \"#/definitions/%s\"}]}}",
                   declarations[i].short_form, declarations[i].mapping);
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        for (const spec_words *w = words[i]; w->name; w++) {
            begin(out, w->name);
            put_words(out, w->words);
        }
    for (size_t i = 0; i < sizeof mappings / sizeof mappings[0]; i++)
        for (const spec_mapping *m = mappings[i]; m->name; m++)
            put_mapping(out, m);
    put_learning(out);
}

void schema_write(buf *out)
{
    buf_puts(out, "{\"$schema\": \"http://json-schema.org/draft-07/schema#\",\n"
                  "\"title\": \"a model or a cell of etrace-gen " PACKAGE_VERSION "\",\n"
                  "\"if\": {\"required\": [\"cell\"]},\n"
                  "\"then\": {\"$ref\": \"#/definitions/cell\"},\n"
                  "\"else\": {\"$ref\": \"#/definitions/model\"},\n"
                  "\"definitions\": {");
    put_definitions(out);
    buf_puts(out, "\n}}\n");
}
