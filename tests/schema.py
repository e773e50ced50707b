# SPDX-License-Identifier: Apache-2.0
"""schema.py SCHEMA SOURCES: every spec of the source tree that the program accepts fits the schema, and
one that has a key that is unknown does not.  Prints what is wrong, and the number of specs."""
import glob
import json
import os
import sys

import jsonschema
import yaml

with open(sys.argv[1], encoding="ascii") as f:
    schema = json.load(f)
root = sys.argv[2]
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
# What a schema can see: keys and words that are not known, values of another kind, what is missing.
SEEN = ["[E0232]", "[E0230]", "[E0235]", "[E0236]", "[E0239]", "[E0240]", "[E0251]", "[E0264]",
        "[E0266]", "[E0274]"]
count = {True: 0, False: 0}


def said(path):
    try:
        with open(path[: -len(".yaml")] + ".err", encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def check(path, wanted):
    try:
        with open(path, encoding="utf-8") as f:
            spec = yaml.safe_load(f)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError):
        return
    error = next(validator.iter_errors(spec), None)
    count[wanted] += 1
    if (error is None) != wanted:
        print(path + ":", "is accepted" if error is None else error.message)


for pattern in ["tests/golden", "tests/lang", "tests/models", "examples/*", "bench",
                "templates/cells", "templates/init"]:
    for path in glob.glob(os.path.join(root, pattern, "*.yaml")):
        check(path, True)
for path in glob.glob(os.path.join(root, "tests/diag/*.yaml")):
    err = said(path)
    name = os.path.basename(path)
    if any(line.startswith(name) and code in line for line in err.split("\n") for code in SEEN):
        check(path, False)
    elif ": error: " not in err:
        check(path, True)
print(count[True] > 100 and count[False] > 5, count[True], count[False], file=sys.stderr)
