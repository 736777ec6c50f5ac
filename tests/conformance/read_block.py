#!/usr/bin/env python3
"""Prints the series of a Narthex block, one JSON object a line.

    read_block.py [--samples] BLOCK_FOLDER

Each object has the members labels, mint and maxt (milliseconds), and with --samples also
samples: pairs of a time and a value. A value that JSON has no number for is a string: "+Inf",
"-Inf", "NaN", or "StaleNaN" for the staleness marker.

It knows pyarrow, numpy and host/block/FORMAT.md, and nothing of the program that wrote the block.
"""

import argparse
import json
import math
import os
import sys

import numpy
import pyarrow.parquet

STALE_NAN = 0x7FF0000000000002
CONSTANT, NX1 = 0, 1


def decode_nx1(cell, count):
    """The bits of the values of a cell: FORMAT.md, "Cells"."""
    left = memoryview(cell)

    def take(size):
        nonlocal left
        taken, left = left[:size], left[size:]
        assert len(taken) == size
        return taken

    def number():
        result = shift = 0
        while True:
            byte = take(1)[0]
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result

    def planes(width, length):
        joined = numpy.zeros((length, 8), dtype=numpy.uint8)
        stored = numpy.frombuffer(take(width * length), dtype=numpy.uint8)
        joined[:, :width] = stored.reshape(width, length).T
        return joined.view("<u8").reshape(length)

    def u64(*numbers):
        return numpy.array(numbers, dtype=numpy.uint64)

    def unfold(folded):
        return (folded >> u64(1)) ^ (u64(0) - (folded & u64(1)))

    def running(*parts):
        return numpy.cumsum(numpy.concatenate(parts), dtype=numpy.uint64)

    def ordinal(double_bits):
        return double_bits ^ ((u64(0) - (double_bits >> u64(63))) >> u64(1))

    flags, nibbles = take(2)
    kind, transform = flags & 3, flags >> 2 & 7
    exponent, width = nibbles & 15, nibbles >> 4
    base = unfold(u64(number()))
    step = u64(number() if flags & 32 else 1)
    slope = unfold(u64(number())) if transform in (2, 4) else u64(0)
    correction = take(1)[0] if kind == 1 else 0
    corrections = unfold(planes(correction & 15, count))
    residuals = planes(width, max(count - (0, 1, 2, 1, 1)[transform], 0))

    if transform == 0:
        integers = base + step * residuals
    elif transform == 1:
        integers = base + step * running(u64(0), unfold(residuals))
    elif transform == 2:
        deltas = running(slope, unfold(residuals))[: count - 1]
        integers = base + step * running(u64(0), deltas)
    elif transform == 3:
        integers = numpy.bitwise_xor.accumulate(numpy.concatenate([base, step * residuals]))
    else:
        integers = base + step * running(u64(0), slope + residuals)

    if kind == 2:
        found = integers
    else:
        found = (integers.view(numpy.int64).astype("<f8") / 10.0**exponent).view("<u8")
    if kind == 1:
        up = running(corrections) if correction & 16 else corrections
        found = ordinal(ordinal(found) + up)
    place = 0
    while flags & 64 and left:
        start = place + number()
        place = start + number() + 1
        assert place <= count
        found[start:place] = int.from_bytes(take(8), "little")
    assert not left
    return found


def timestamps(row, vectors):
    """The times of a row of chunks.parquet: FORMAT.md, "Timestamps"."""
    vector = vectors[row["ts_group"]][row["ts_start"] :]
    if row["ts_gaps"] is not None:
        gaps = numpy.frombuffer(row["ts_gaps"], dtype=numpy.uint8)
        gaps = numpy.unpackbits(gaps, bitorder="little").astype(bool)
        vector = vector[: len(gaps)]
        vector = vector[~gaps[: len(vector)]]
    times = vector[: row["n"]]
    assert len(times) == row["n"]
    return times


def bits(row):
    """The bits of the values of a row of chunks.parquet."""
    if row["enc"] == CONSTANT:
        constant = numpy.array([row["v_const"]], dtype="<f8").view("<u8")
        return numpy.repeat(constant, row["n"])
    if row["enc"] == NX1:
        return decode_nx1(row["cell"], row["n"])
    raise ValueError(f"unknown cell encoding {row['enc']}")


def shown(value_bits, value):
    """A value as JSON can hold it."""
    if value_bits == STALE_NAN:
        return "StaleNaN"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return value


def rows(folder, name):
    """The rows of a file, points in time as milliseconds."""
    table = pyarrow.parquet.ParquetFile(os.path.join(folder, name)).read()
    for index, field in enumerate(table.schema):
        if pyarrow.types.is_timestamp(field.type):
            column = table.column(index).cast(pyarrow.int64())
            table = table.set_column(index, field.name, column)
    return table


def samples(folder, meta, count):
    """The samples of each series, slice by slice in the order of time."""
    table = rows(folder, "times.parquet")
    slice_of = table.column("slice").to_pylist()
    times = table.column("ts").combine_chunks()
    flat = times.values.cast(pyarrow.int64()).to_numpy(zero_copy_only=False)
    offsets = times.offsets.to_numpy()
    vectors = [flat[start:end] for start, end in zip(offsets, offsets[1:])]
    chunks = rows(folder, "chunks.parquet")
    constants = chunks.column("v_const").to_numpy(zero_copy_only=False)
    found = [[] for _ in range(count)]
    slices = sorted((start, index) for index, start in enumerate(meta["slices_ms"]))
    for start, index in slices:
        part = chunks.slice(index * count, count).to_pylist()
        for series, row in enumerate(part):
            if row["n"] == 0:
                continue
            assert slice_of[row["ts_group"]] == start
            # Python's own float may change the payload of a NaN; the column's bits do not.
            row["v_const"] = constants[index * count + series]
            values = bits(row)
            numbers = values.view("<f8").tolist()
            pairs = zip(timestamps(row, vectors).tolist(), values.tolist(), numbers)
            found[series] += [[time, shown(value_bits, value)] for time, value_bits, value in pairs]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", action="store_true", help="print the samples as well")
    parser.add_argument("block", help="the folder of the block")
    options = parser.parse_args()
    folder = options.block
    with open(os.path.join(folder, "meta.json"), encoding="utf-8") as file:
        meta = json.load(file)
    if meta["version"] != 1 or meta["codec"] != "nx1":
        sys.exit(f"format {meta['version']}, codec {meta['codec']}: not known here")
    series = rows(folder, "series.parquet").to_pylist()
    assert len(series) == meta["stats"]["series"]
    per_series = samples(folder, meta, len(series)) if options.samples else None
    for index, row in enumerate(series):
        labels = dict(row["labels"])
        if row["metric"]:
            labels["__name__"] = row["metric"]
        line = {"labels": labels, "mint": row["mint"], "maxt": row["maxt"]}
        if per_series is not None:
            line["samples"] = per_series[index]
        print(json.dumps(line, ensure_ascii=False, allow_nan=False))


if __name__ == "__main__":
    main()
