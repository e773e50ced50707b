#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make text.txt anew from the Debian package r-cran-janeaustenr (NOTICE says what it is).

usage: make-data.py Rdata.rdx Rdata.rdb text.txt

The first two files are in usr/lib/R/site-library/janeaustenr/data of the package.  Needs rdata (on
PyPI); the example itself needs neither Python nor this script.
"""
import re
import struct
import sys
import zlib

import rdata


def parse(data):
    return rdata.conversion.convert(rdata.parser.parse_data(data))


def main():
    index_path, base_path, target = sys.argv[1:]
    with open(index_path, "rb") as file:
        start, length = parse(file.read())["variables"]["prideprejudice"]
    with open(base_path, "rb") as file:
        file.seek(start)
        entry = file.read(length)
    book = zlib.decompress(entry[4:])
    assert len(book) == struct.unpack(">I", entry[:4])[0]
    text = "\n".join(str(line) for line in parse(book))
    chapters = re.split(r"^Chapter \d+$", text, flags=re.MULTILINE)[1:20]
    text = "\n\n".join(re.sub(r"\n{3,}", "\n\n", chapter.strip()) for chapter in chapters) + "\n"
    text = text.replace("_", "")
    assert text.isascii() and len(text) < 200000
    with open(target, "w", encoding="ascii", newline="\n") as file:
        file.write(text)


if __name__ == "__main__":
    main()
