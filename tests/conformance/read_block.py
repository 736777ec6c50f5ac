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
CONSTANT, PLANES = 0, 2


def decode_planes(cell, count):
    """The bits of the values of a cell: FORMAT.md, "Cells"."""
    data = numpy.frombuffer(cell, dtype=numpy.uint8)
    mask, first, rest = int(data[0]), data[1:9].view("<u8"), data[9:]
    folded = numpy.zeros((count - 1, 8), dtype=numpy.uint8)
    used = [plane for plane in range(8) if mask >> plane & 1]
    folded[:, used] = rest.reshape(len(used), count - 1).T
    folded = folded.view("<u8").reshape(count - 1)
    one = numpy.uint64(1)
    differences = (folded >> one) ^ (numpy.uint64(0) - (folded & one))
    return numpy.cumsum(numpy.concatenate([first, differences]), dtype=numpy.uint64)


def timestamps(row, vectors):
    """The times of a row of chunks.parquet: FORMAT.md, "Timestamps"."""
    vector = vectors[row["ts_group"]][row["ts_start"] :]
    if row["ts_gaps"] is not None:
        gaps = numpy.frombuffer(row["ts_gaps"], dtype=numpy.uint8)
        gaps = numpy.unpackbits(gaps, bitorder="little").astype(bool)
        vector = vector[: len(gaps)]
        vector = vector[~gaps[: len(vector)]]
    times = vector[: row["n"]]
    assert len(times) == row["n"] and times[0] == row["t_min"] and times[-1] == row["t_max"]
    return times


def bits(row):
    """The bits of the values of a row of chunks.parquet."""
    if row["enc"] == CONSTANT:
        constant = numpy.array([row["v_const"]], dtype="<f8").view("<u8")
        return numpy.repeat(constant, row["n"])
    if row["enc"] == PLANES:
        return decode_planes(row["cell"], row["n"])
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
    times = rows(folder, "times.parquet").column("ts").combine_chunks()
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
            assert row["slice"] == start and row["series_row"] == series
            if row["n"] == 0:
                continue
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
    if meta["version"] != 1 or meta["codec"] != "planes1":
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
