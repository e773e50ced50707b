#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make vowels.npz anew from aeon's copy of the UCI Japanese Vowels (NOTICE says what they are).

usage: make-data.py JapaneseVowels_TRAIN.ts JapaneseVowels_TEST.ts vowels.npz

The first two files are in aeon/datasets/data/JapaneseVowels of an aeon wheel.  Needs numpy; the
example itself needs neither Python nor this script.

vowels.npz has, for 640 utterances, those for training first:
  x        int16 [9961, 12]  12 coefficients a frame, in 1/10000; utterances one after another
  length   int16 [640]       frames of each, 7 to 29
  speaker  uint8 [640]       0 to 8
  n_train  int32 []          270
"""
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


def read(path):
    """The utterances of a file, each [frames, 12], and their speakers."""
    with open(path, encoding="utf-8") as text:
        lines = [line.strip() for line in text]
    rows = [line.split(":") for line in lines[lines.index("@data") + 1:] if line]
    x = [numpy.array([channel.split(",") for channel in row[:-1]], dtype="f8").T for row in rows]
    return x, [int(row[-1]) - 1 for row in rows]


def main():
    train, test, target = sys.argv[1:]
    (x, speaker), (x_test, speaker_test) = read(train), read(test)
    n_train = len(x)
    x, speaker = x + x_test, speaker + speaker_test
    assert n_train == 270 and len(x) == 640 and all(u.shape[1] == 12 for u in x)
    scaled = numpy.rint(numpy.concatenate(x) * 10000)
    assert numpy.abs(scaled).max() < 32768 and set(speaker) == set(range(9))
    with zipfile.ZipFile(target, "w") as archive:
        add(archive, "x", scaled.astype("<i2"))
        add(archive, "length", numpy.array([len(u) for u in x], dtype="<i2"))
        add(archive, "speaker", numpy.array(speaker, dtype="u1"))
        add(archive, "n_train", numpy.array(n_train, dtype="<i4"))


if __name__ == "__main__":
    main()
