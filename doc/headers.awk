# SPDX-License-Identifier: Apache-2.0
# In: headers of the runtime.  Out: their declarations and comments as a document that convert.awk reads:
# a section a header, with what its first comment says; then every declaration, and the comment above it.

FNR == 1 {
    flush()
    name = FILENAME
    sub(/.*\//, "", name)
    print "## " name "\n"
    started = inline_body = 0
    next
}
inline_body { if (/^}/) inline_body = 0; next }
/^#|^extern "C"|^}$/ { next }
/^\/\* ---/ {
    flush()
    gsub(/^\/\* -+ *| *-+ *\*\/$/, "")
    print "### " toupper(substr($0, 1, 1)) substr($0, 2) "\n"
    next
}
!in_comment && /^\/\*/ { flush(); in_comment = 1 }
in_comment {
    last = /\*\/ *$/
    sub(/^\/\* ?/, "")
    sub(/ *\*\/ *$/, "")
    sub(/^   /, "")
    if ($0 !~ /^    /)
        gsub(/[*`]/, "\\\\&")
    comment = comment $0 "\n"
    if (last) {
        in_comment = 0
        if (!started) {
            print comment
            comment = ""
            started = 1
        }
    }
    next
}
/^$/ { flush(); next }
/^ETR_INLINE|^static inline/ { sub(/^ETR_INLINE |^static inline /, ""); in_head = 1 }
in_head && /^{/ { in_head = 0; inline_body = 1; next }
{ code = code "    " $0 "\n" }
END { flush() }

function flush() {
    if (code != "")
        print code
    if (code != "" && comment != "")
        print comment
    code = comment = ""
}
