#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make digits.npz anew from scikit-learn's copy of the UCI digits (NOTICE says what they are).

usage: make-data.py digits.csv.gz digits.npz

The first file is sklearn/datasets/data/digits.csv.gz of a scikit-learn wheel.  Needs numpy; the
demo itself needs neither Python nor this script.
"""
import gzip
import io
import sys
import zipfile

import numpy


def add(archive, name, array):
    """Add an array with a fixed date, so that equal data give an equal file."""
    entry = zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    data = io.BytesIO()
    numpy.lib.format.write_array(data, array, version=(1, 0))
    archive.writestr(entry, data.getvalue(), compresslevel=9)


def main():
    source, target = sys.argv[1:]
    with gzip.open(source, "rt", encoding="ascii") as text:
        table = numpy.loadtxt(text, delimiter=",", dtype="<i4")
    assert table.shape == (1797, 65) and table.min() == 0 and table.max() == 16
    with zipfile.ZipFile(target, "w") as archive:
        add(archive, "image", table[:, :64].reshape(-1, 8, 8))
        add(archive, "label", table[:, 64].copy())


if __name__ == "__main__":
    main()
