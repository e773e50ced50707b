# SPDX-License-Identifier: Apache-2.0
# In: a document in the Markdown that doc/ is written in: headings, paragraphs, lists, tables, fenced and
# indented code, and within a line `code`, **bold**, *emphasis* and links.  Out: with to=man the body of a
# manual page, where a first heading is left out; with to=texinfo a chapter.
# A row of a table becomes an item: its first cell is what it is about, the others the text, each behind
# the head of its column where there are several.

# --- the two forms ---------------------------------------------------------------------------------

function escape(s) {
    if (to == "man") {
        gsub(/\\/, "\\e", s)
        gsub(/-/, "\\-", s)
        gsub(/'/, "\\(aq", s)
        gsub(/\^/, "\\(ha", s)
        gsub(/~/, "\\(ti", s)
        gsub(/`/, "\\(ga", s)
    } else
        gsub(/[@{}]/, "@&", s)
    return s
}

function as_code(s) { return to == "man" ? "\\fB" escape(s) "\\fR" : "@code{" escape(s) "}" }
function as_bold(s) { return to == "man" ? "\\fB" s "\\fR" : "@strong{" s "}" }
function as_emphasis(s) { return to == "man" ? "\\fI" s "\\fR" : "@emph{" s "}" }
function line_break() { return to == "man" ? "\n.br\n" : "@*\n" }

# No line of a page may begin with what is a request there.
function put(s) {
    if (to == "man") {
        sub(/^[.]/, "\\\\\\&.", s)
        gsub(/\n\./, "\n\001", s)
        gsub(/\n\001br\n/, "\n.br\n", s)
        gsub(/\001/, "\\\\\\&.", s)
    }
    print s
}

function heading(level, s) {
    if (level == 1)
        { if (to != "man") print "@node " node(s) "\n@chapter " inline(s) }
    else if (to == "man") {
        print (level == 2 ? ".SH " : ".SS ") "\"" inline(level == 2 && s !~ /\.h$/ ? toupper(s) : s) "\""
        headed = 1
    }
    else
        print (level == 2 ? "@section " : "@subsection ") inline(s)
}

# Nodes have names without punctuation.
function node(s) {
    gsub(/[^A-Za-z0-9 -]/, "", s)
    return s
}

# A heading begins a paragraph by itself.
function begin_paragraph() {
    if (to != "man")
        print ""
    else if (!headed)
        print ".PP"
    headed = 0
}

function begin_code() {
    begin_paragraph()
    print to == "man" ? ".RS 4\n.nf" : "@example"
}
function code_line(s) {
    s = escape(s)
    print to == "man" ? (s ~ /^[.]/ ? "\\&" s : s) : s
}
function end_code() { print to == "man" ? ".fi\n.RE" : "@end example" }

function begin_items() {
    headed = 0
    if (to != "man") print "@table @asis"
}
function item(tag, text) {
    if (to == "man")
        print ".TP"
    else
        tag = "@item " (tag == "" ? "@w{}" : tag)
    gsub(/\n\.br\n|@\*\n/, " ", tag)
    put(tag == "" ? "\\&" : tag)
    if (text != "")
        put(text)
    else if (to == "man")
        print "\\&"
}
function end_items() { if (to != "man") print "@end table" }

function begin_list() {
    headed = 0
    if (to != "man") print "@itemize @bullet"
}
function point(s) {
    if (to == "man")
        print ".IP \\(bu 2"
    else
        print "@item"
    put(s)
}
function end_list() { if (to != "man") print "@end itemize" }

# --- within a line ---------------------------------------------------------------------------------

function inline(s,    out, c, n, rest) {
    out = ""
    while (s != "") {
        c = substr(s, 1, 1)
        rest = substr(s, 2)
        if (c == "`" && (n = index(rest, "`"))) {
            out = out as_code(substr(rest, 1, n - 1))
            s = substr(rest, n + 1)
        } else if (substr(s, 1, 2) == "**" && (n = index(substr(s, 3), "**")) > 1) {
            out = out as_bold(inline(substr(s, 3, n - 1)))
            s = substr(s, n + 4)
        } else if (c == "*" && rest ~ /^[A-Za-z]/ && (n = index(rest, "*")) > 1) {
            out = out as_emphasis(inline(substr(rest, 1, n - 1)))
            s = substr(rest, n + 1)
        } else if (match(s, /^!?\[[^]]*\]\([^)]*\)/)) {
            n = RLENGTH
            rest = substr(s, index(s, "[") + 1)
            out = out inline(substr(rest, 1, index(rest, "]") - 1))
            s = substr(s, n + 1)
        } else if (substr(s, 1, 4) == "<br>") {
            out = out line_break()
            s = substr(s, 5)
        } else if (c == "\\" && rest ~ /^[*_`|\\]/) {
            out = out escape(substr(rest, 1, 1))
            s = substr(rest, 2)
        } else {
            out = out escape(c)
            s = rest
        }
    }
    return out
}

# --- blocks ----------------------------------------------------------------------------------------

# End what is open, and note that KIND is open now.
function switch_to(kind) {
    if (text != "") {
        if (open == "list")
            point(inline(text))
        else {
            begin_paragraph()
            put(inline(text))
        }
        text = ""
    }
    if (open == kind && kind != "paragraph")
        return
    if (open == "code") end_code()
    if (open == "items") end_items()
    if (open == "list") end_list()
    open = kind
    if (kind == "code") begin_code()
    if (kind == "items") begin_items()
    if (kind == "list") begin_list()
}

function row(line,    cell, n, i, tag, body) {
    gsub(/\\\|/, "\001", line)
    gsub(/^ *\| *| *\| *$/, "", line)
    n = split(line, cell, / *\| */)
    for (i = 1; i <= n; i++)
        gsub(/\001/, "|", cell[i])
    if (open != "items") {
        switch_to("items")
        n_heads = n
        for (i = 1; i <= n; i++)
            head[i] = cell[i]
        return
    }
    tag = inline(cell[1])
    body = ""
    for (i = 2; i <= n; i++)
        if (cell[i] != "")
            body = body (body == "" ? "" : line_break()) \
                (i > 2 && head[i] != "" ? as_emphasis(inline(head[i])) ": " : "") inline(cell[i])
    item(tag, body)
}

BEGIN { headed = 1 }
fenced && /^```/ { fenced = 0; switch_to(""); next }
fenced { code_line($0); next }
/^```/ { switch_to("code"); fenced = 1; next }
/^#+ / { switch_to(""); level = index($0, " ") - 1; heading(level, substr($0, level + 2)); next }
/^\|[-|: ]*$/ { next }
/^\|/ { row($0); next }
/^    / && (open == "code" || text == "") && open != "list" {
    while (blank-- > 0 && open == "code") code_line("")
    blank = 0
    switch_to("code")
    code_line(substr($0, 5))
    next
}
/^$/ { blank++; if (open != "code") { kept = open; switch_to(kept == "list" ? "list" : "") } next }
/^([*-]|[0-9]+\.) / { switch_to("list"); sub(/^([*-]|[0-9]+\.) +/, ""); text = $0; blank = 0; next }
/^ / && open == "list" { sub(/^ +/, ""); text = text == "" ? $0 : text "\n" $0; blank = 0; next }
{
    if (open != "paragraph" || blank) switch_to("paragraph")
    text = text == "" ? $0 : text "\n" $0
    blank = 0
}
END { switch_to("") }
