/* SPDX-License-Identifier: Apache-2.0 */
/* In: the text of a file.  Out: its one document as a tree, aliases as shared nodes.
   Afterwards the tree is without cycles, no deeper than 64, and holds no more than 100,000 nodes
   even if every alias is counted as a copy, so that whoever walks it need not count.  */
#define _POSIX_C_SOURCE 200809L
#include "yaml.h"

#include "buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

/* Places in longer texts that are not ASCII are those of the whole: characters are counted for each.  */
enum { COUNTED_MAX = 4096, DIRECTIVES_MAX = 16 };

typedef struct {
    const char *name;
    yaml_tree *node; /* NULL while what it names is still being read */
    size_t size;
    loc at;
} anchor;

typedef struct {
    yaml_parser_t parser;
    yaml_event_t event;
    bool has_event;
    arena *arena;
    diag *diag;
    const source *src;
    int depth, n_aliases;
    size_t n_nodes;
    size_t n_anchors, cap_anchors;
    anchor *anchor;
} composer;

/* --- characters ------------------------------------------------------------------------------- */

/* The code point at P, of at most LEFT bytes; *N is its length, 0 when it is not UTF-8.  */
static unsigned decode(const unsigned char *p, size_t left, size_t *n)
{
    size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    *n = 0;
    if ((p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4 || len > left)
        return 0;
    unsigned c = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *n = len;
    return c;
}

/* A kind of characters that may not stand in a spec.  */
typedef struct {
    const char *code, *what;
} banned;

static const banned *banned_kind(unsigned c)
{
    static const banned control = {"E0102", "a control character"},
                        mark = {"E0120", "a byte order mark"},
                        direction = {"E0121", "a control of the direction of text"},
                        line = {"E0122", "a line break of another kind"},
                        none = {"E0124", "a code point that is no character"};
    if (c == 0xfeff)
        return &mark;
    if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f
        || c == 0x61c)
        return &direction;
    if ((c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0))
        return &control;
    if (c == 0x2028 || c == 0x2029)
        return &line;
    return (c & 0xfffe) == 0xfffe ? &none : NULL;
}

static size_t code_points(const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

/* The file begins like UTF-16 or UTF-32: with their byte order mark, or with half of an ASCII
   letter.  */
static bool is_utf16(const char *text, size_t len)
{
    if (len < 2)
        return false;
    return memcmp(text, "\xfe\xff", 2) == 0 || memcmp(text, "\xff\xfe", 2) == 0
           || (text[0] == '\0') != (text[1] == '\0');
}

/* Every character of TEXT is allowed; else one error.  AT, if not NULL, is where to report all of
   them: then TEXT is a scalar with its escapes undone.  */
static bool check_text(diag *d, const source *src, const char *text, size_t len, const loc *at)
{
    loc here = {.src = src, .line = 1, .col = 1, .length = 1};
    for (size_t i = 0, n; i < len; i += n) {
        unsigned c = decode((const unsigned char *)text + i, len - i, &n);
        if (!at && c == '\r' && i + 1 < len && text[i + 1] == '\n')
            continue;
        const banned *why = n ? banned_kind(c) : NULL;
        if (n == 0)
            diag_error(d, at ? *at : here, "E0101", "this is not UTF-8");
        else if (why)
            diag_error(d, at ? *at : here, why->code, "%s (U+%04X) has no place in a spec",
                       why->what, c);
        if (n == 0 || why)
            return false;
        here.col = c == '\n' ? 1 : here.col + 1;
        here.line += c == '\n';
    }
    return true;
}

/* Lines that begin with %, before anything else does.  libyaml compares each with all others.  */
static bool check_directives(diag *d, const source *src, const char *text, size_t len)
{
    int n = 0;
    loc here = {.src = src, .line = 1, .col = 1};
    for (size_t i = 0; i < len && strchr("%# \t\r\n", text[i]); here.line++) {
        if (text[i] == '%' && ++n > DIRECTIVES_MAX) {
            diag_error(d, here, "E0127", "more than %d directives", DIRECTIVES_MAX);
            return false;
        }
        while (i < len && text[i] != '\n')
            i++;
        i += i < len;
    }
    return true;
}

/* --- events ----------------------------------------------------------------------------------- */

static loc place_of_marks(const composer *co, yaml_mark_t start, yaml_mark_t end)
{
    loc at = {.src = co->src, .line = (int)start.line + 1, .col = (int)start.column + 1};
    if (end.line == start.line && end.column > start.column)
        at.length = (int)(end.column - start.column);
    return at;
}

static loc event_place(const composer *co)
{
    return place_of_marks(co, co->event.start_mark, co->event.end_mark);
}

/* What libyaml found, at the place AT.  The two that people run into most are told in other
   words.  */
static const char *problem_text(composer *co, loc at)
{
    const char *problem = co->parser.problem;
    char c = '\0';
    if (!problem)
        return "this is not YAML";
    if (strcmp(problem, "found character that cannot start any token") == 0)
        c = diag_character(at);
    if (c == '\t')
        return "a tab cannot stand here; YAML indents with spaces";
    if (c > ' ' && c <= '~')
        return arena_printf(co->arena, "'%c' cannot begin a value; put the value in quotes", c);
    return problem;
}

/* Read the next event; false after an error.  */
static bool next_event(composer *co)
{
    if (co->has_event)
        yaml_event_delete(&co->event);
    co->has_event = yaml_parser_parse(&co->parser, &co->event);
    if (co->has_event)
        return true;
    const yaml_parser_t *p = &co->parser;
    loc at = place_of_marks(co, p->problem_mark, p->problem_mark);
    diag_error(co->diag, at, "E0103", "%s", problem_text(co, at));
    if (p->context && strcmp(p->context, "while scanning for the next token") != 0)
        diag_note(co->diag, place_of_marks(co, p->context_mark, p->context_mark), "%s", p->context);
    return false;
}

static yaml_tree *compose(composer *co, size_t *size);

static yaml_tree *limit(const composer *co, loc at, const char *code, const char *what,
                        source_limit which)
{
    diag_over_limit(co->diag, at, code, what, which);
    return NULL;
}

/* After an error that leaves the structure whole: what stands for the node, so that the rest of the
   file is read and its errors are reported too.  */
static yaml_tree *stand_in(const composer *co, loc at)
{
    yaml_tree *res = ARENA_NEW(co->arena, yaml_tree);
    *res = (yaml_tree){.kind = YAML_SCALAR, .at = at, .text = "", .plain = true};
    return res;
}

static yaml_tree *compose_alias(composer *co, size_t *size)
{
    loc at = event_place(co);
    const char *name = (const char *)co->event.data.alias.anchor;
    if (++co->n_aliases > diag_limit(co->diag, LIMIT_ALIASES))
        return limit(co, at, "E0104", "too many aliases", LIMIT_ALIASES);
    for (size_t i = co->n_anchors; i-- > 0;) {
        const anchor *an = &co->anchor[i];
        if (strcmp(an->name, name) != 0)
            continue;
        if (!an->node) {
            diag_error(co->diag, at, "E0105", "the alias '*%s' stands inside what it names", name);
            diag_note(co->diag, an->at, "the anchor is here");
            return stand_in(co, at);
        }
        *size = an->size;
        return an->node;
    }
    diag_error(co->diag, at, "E0106", "there is no anchor '&%s' before this", name);
    return stand_in(co, at);
}

static yaml_tree *compose_scalar(composer *co)
{
    loc at = event_place(co);
    const char *text = (const char *)co->event.data.scalar.value;
    size_t len = co->event.data.scalar.length;
    if (len > (size_t)diag_limit(co->diag, LIMIT_TEXT))
        return limit(co, at, "E0107", "a text with too many bytes", LIMIT_TEXT);
    if (!check_text(co->diag, co->src, text, len, &at))
        return stand_in(co, at);
    yaml_tree *res = ARENA_NEW(co->arena, yaml_tree);
    res->kind = YAML_SCALAR;
    res->at = at;
    res->plain = co->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    res->text = arena_strndup(co->arena, text, len);
    res->len = len;
    res->points = code_points(text, len);
    return res;
}

static yaml_tree *compose_sequence(composer *co, size_t *size)
{
    yaml_tree *res = ARENA_NEW(co->arena, yaml_tree);
    size_t cap = 0;
    res->kind = YAML_SEQUENCE;
    res->at = event_place(co);
    for (;;) {
        size_t item_size = 0;
        if (!next_event(co))
            return NULL;
        if (co->event.type == YAML_SEQUENCE_END_EVENT)
            return res;
        yaml_tree *item = compose(co, &item_size);
        if (!item)
            return NULL;
        *size += item_size;
        ARENA_PUSH(co->arena, res->item, res->n, cap, item);
    }
}

static int by_text(const void *a, const void *b)
{
    const yaml_tree *x = *(yaml_tree *const *)a, *y = *(yaml_tree *const *)b;
    int order = strcmp(x->text, y->text);
    if (order)
        return order;
    return x->at.line != y->at.line ? x->at.line - y->at.line : x->at.col - y->at.col;
}

static void check_keys(composer *co, const yaml_tree *mapping)
{
    yaml_tree **key = ARENA_ARRAY(co->arena, yaml_tree *, mapping->n + 1);
    for (size_t i = 0; i < mapping->n; i++)
        key[i] = mapping->pair[i].key;
    qsort(key, mapping->n, sizeof *key, by_text);
    for (size_t i = 1; i < mapping->n; i++) {
        /* The empty key is in no language, and may stand in for one with an error.  */
        if (key[i]->len == 0 || strcmp(key[i - 1]->text, key[i]->text) != 0)
            continue;
        diag_error(co->diag, key[i]->at, "E0108", "the key '%s' stands here for the second time",
                   key[i]->text);
        diag_note(co->diag, key[i - 1]->at, "the first time here");
    }
}

/* Is KEY one that the language has?  */
static bool check_key(const composer *co, const yaml_tree *key)
{
    if (key->kind != YAML_SCALAR)
        diag_error(co->diag, key->at, "E0109", "a key is a text, not a list or a map");
    else if (key->plain && strcmp(key->text, "<<") == 0)
        diag_error(co->diag, key->at, "E0110", "merge keys '<<' are not part of the language");
    else
        return true;
    return false;
}

static yaml_tree *compose_mapping(composer *co, size_t *size)
{
    yaml_tree *res = ARENA_NEW(co->arena, yaml_tree);
    size_t cap = 0;
    res->kind = YAML_MAPPING;
    res->at = event_place(co);
    for (;;) {
        size_t key_size = 0, value_size = 0;
        if (!next_event(co))
            return NULL;
        if (co->event.type == YAML_MAPPING_END_EVENT) {
            check_keys(co, res);
            return res;
        }
        yaml_pair pair = {.key = compose(co, &key_size)};
        if (!pair.key || !next_event(co))
            return NULL;
        pair.value = compose(co, &value_size);
        if (!pair.value)
            return NULL;
        *size += key_size + value_size;
        if (check_key(co, pair.key))
            ARENA_PUSH(co->arena, res->pair, res->n, cap, pair);
    }
}

/* A tag of YAML's own comes with its prefix written out.  */
static void report_tag(const composer *co, const char *tag)
{
    static const char prefix[] = "tag:yaml.org,2002:";
    bool own = strncmp(tag, prefix, sizeof prefix - 1) == 0;
    diag_error(co->diag, event_place(co), "E0111",
               "tags such as '%s%s' are not part of the language", own ? "!!" : "",
               own ? tag + sizeof prefix - 1 : tag);
}

/* The anchor of the node that begins with this event, or NULL.  A tag is an error.  */
static const char *node_properties(composer *co)
{
    const yaml_event_t *e = &co->event;
    const yaml_char_t *tag = NULL, *name = NULL;
    if (e->type == YAML_SCALAR_EVENT) {
        tag = e->data.scalar.tag;
        name = e->data.scalar.anchor;
    } else if (e->type == YAML_SEQUENCE_START_EVENT) {
        tag = e->data.sequence_start.tag;
        name = e->data.sequence_start.anchor;
    } else if (e->type == YAML_MAPPING_START_EVENT) {
        tag = e->data.mapping_start.tag;
        name = e->data.mapping_start.anchor;
    }
    if (tag)
        report_tag(co, (const char *)tag);
    return name ? arena_strdup(co->arena, (const char *)name) : NULL;
}

static yaml_tree *compose_body(composer *co, size_t *size)
{
    *size = 1;
    switch (co->event.type) {
    case YAML_ALIAS_EVENT: return compose_alias(co, size);
    case YAML_SCALAR_EVENT: return compose_scalar(co);
    case YAML_SEQUENCE_START_EVENT: return compose_sequence(co, size);
    default: return compose_mapping(co, size);
    }
}

/* The node that begins with the event at hand; *SIZE is how many nodes it is, aliases written
   out.  */
static yaml_tree *compose(composer *co, size_t *size)
{
    loc at = event_place(co);
    const char *name = node_properties(co);
    size_t mine = co->n_anchors;
    if (name) {
        anchor an = {.name = name, .at = at};
        if (mine >= (size_t)diag_limit(co->diag, LIMIT_ANCHORS))
            return limit(co, at, "E0112", "too many anchors", LIMIT_ANCHORS);
        ARENA_PUSH(co->arena, co->anchor, co->n_anchors, co->cap_anchors, an);
    }
    if (co->depth >= diag_limit(co->diag, LIMIT_DEPTH))
        return limit(co, at, "E0113", "lists and maps are nested too deep", LIMIT_DEPTH);
    const size_t values = (size_t)diag_limit(co->diag, LIMIT_VALUES);
    if (++co->n_nodes > values)
        return limit(co, at, "E0114", "too many values", LIMIT_VALUES);
    co->depth++;
    yaml_tree *res = compose_body(co, size);
    co->depth--;
    if (res && *size > values)
        return limit(co, at, "E0114", "too many values, with aliases written out", LIMIT_VALUES);
    if (name) {
        co->anchor[mine].node = res;
        co->anchor[mine].size = *size;
    }
    return res;
}

/* --- documents ------------------------------------------------------------------------------- */

static yaml_tree *compose_document(composer *co)
{
    size_t size;
    loc whole = {.src = co->src, .line = 1, .col = 1};
    if (!next_event(co) || !next_event(co))
        return NULL;
    if (co->event.type == YAML_STREAM_END_EVENT) {
        diag_error(co->diag, whole, "E0115", "the file is empty");
        return NULL;
    }
    if (!next_event(co))
        return NULL;
    yaml_tree *root = compose(co, &size);
    if (!root || !next_event(co) || !next_event(co))
        return NULL;
    if (co->event.type != YAML_STREAM_END_EVENT) {
        diag_error(co->diag, event_place(co), "E0116",
                   "a file holds one document; here a second begins");
        return NULL;
    }
    return root;
}

yaml_tree *yaml_parse(const char *name, const char *text, size_t len, arena *a, diag *d)
{
    composer co = {.arena = a, .diag = d, .src = diag_source(d, name, text, len)};
    loc start = {.src = co.src, .line = 1, .col = 1};
    int before = diag_errors(d);
    if (len > (size_t)diag_limit(d, LIMIT_FILE)) {
        diag_error(d, start, "E0117", "the file is too large: the limit is %d bytes",
                   diag_limit(d, LIMIT_FILE));
        diag_note(d, start, "if that is meant, --limit=file=N allows more");
        return NULL;
    }
    if (is_utf16(text, len)) {
        diag_error(d, start, "E0123", "this is UTF-16 or UTF-32; a spec is UTF-8");
        return NULL;
    }
    if (!check_text(d, co.src, text, len, NULL) || !check_directives(d, co.src, text, len))
        return NULL;
    if (!yaml_parser_initialize(&co.parser)) {
        diag_error(d, start, "E0118", "no memory is left for the YAML parser");
        return NULL;
    }
    yaml_parser_set_encoding(&co.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&co.parser, (const unsigned char *)text, len);
    yaml_tree *root = compose_document(&co);
    if (co.has_event)
        yaml_event_delete(&co.event);
    yaml_parser_delete(&co.parser);
    return diag_errors(d) == before ? root : NULL;
}

/* The bytes of PATH, at most one more than a file may have; NULL with errno when it cannot be
   read.  */
static char *slurp(const char *path, size_t most, arena *a, size_t *len)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
        fclose(f);
        errno = EISDIR;
        return NULL;
    }
    buf all = {NULL, 0, 0};
    char part[4096];
    size_t n;
    while (all.len <= most && (n = fread(part, 1, sizeof part, f)) > 0)
        buf_bytes(&all, part, n);
    int error = ferror(f) ? errno : 0;
    fclose(f);
    *len = all.len;
    char *text = error ? NULL : arena_strndup(a, buf_text(&all), all.len);
    buf_free(&all);
    errno = error;
    return text;
}

yaml_tree *yaml_read(const char *path, arena *a, diag *d, bool *io_error)
{
    size_t len;
    char *text = slurp(path, (size_t)diag_limit(d, LIMIT_FILE), a, &len);
    diag_read(d, path);
    if (text)
        return yaml_parse(path, text, len, a, d);
    *io_error = true;
    diag_error(d, (loc){0}, "E0119", "%s: %s", path, strerror(errno));
    return NULL;
}

yaml_tree *yaml_get(const yaml_tree *mapping, const char *key)
{
    for (size_t i = 0; i < mapping->n; i++)
        if (strcmp(mapping->pair[i].key->text, key) == 0)
            return mapping->pair[i].value;
    return NULL;
}

loc yaml_place(const yaml_tree *scalar, size_t offset, int length)
{
    loc at = scalar->at;
    const size_t counted = scalar->points ? scalar->points : code_points(scalar->text, scalar->len);
    const int points = (int)counted;
    const bool ascii = counted == scalar->len;
    bool quoted = !scalar->plain && at.length == points + 2;
    if (!quoted && !(scalar->plain && at.length == points))
        return at;
    if (!ascii && scalar->len > COUNTED_MAX)
        return at;
    at.col += (int)(ascii ? offset : code_points(scalar->text, offset)) + quoted;
    at.length = length;
    return at;
}
