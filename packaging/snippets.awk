# SPDX-License-Identifier: Apache-2.0
# In: the specs of templates/init, and schema=PATH.  Out: snippets for VS Code, one a spec (etrace-gru for
# gru.yaml), each with the line that tells the YAML language server where the schema is.

function quoted(s) {
    gsub(/\\/, "&&", s)
    gsub(/"/, "\\\\&", s)
    return "\"" s "\""
}

# A snippet would take a dollar for one of its variables.
function literal(s) {
    gsub(/\$/, "\\\\&", s)
    return s
}

BEGIN { print "{" }
FNR == 1 {
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\.yaml$/, "", name)
    if (NR > 1) print "\n    ]\n  },"
    print "  " quoted("etrace " name) ": {"
    print "    \"scope\": \"yaml\","
    print "    \"prefix\": " quoted("etrace-" name) ","
    about = $0
    sub(/^# */, "", about)
    print "    \"description\": " quoted(about) ","
    print "    \"body\": ["
    printf "      %s", quoted(literal("# yaml-language-server: $schema=" schema))
}
{ printf ",\n      %s", quoted(literal($0)) }
END { print "\n    ]\n  }\n}" }
