#!/usr/bin/env python3
"""Prints the series of a Narthex block, one JSON object a line.

    read_block.py [--samples] BLOCK_FOLDER

Each object has the members labels, mint and maxt (milliseconds), and with --samples also
samples: pairs of a time and a value, and where it is known a third member, when the counting
began. A value that JSON has no number for is a string: "+Inf", "-Inf", "NaN", or "StaleNaN" for the
staleness marker. A native histogram is an object.

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
HISTOGRAM = 0x7FF0000000000003
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


class Cell:
    """Bytes that are read from the front."""

    def __init__(self, data):
        self.left = memoryview(data)

    def take(self, size):
        taken, self.left = self.left[:size], self.left[size:]
        assert len(taken) == size
        return taken

    def number(self):
        result = shift = 0
        while True:
            byte = self.take(1)[0]
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result

    def folded(self):
        number = self.number()
        return (number >> 1) ^ -(number & 1)

    def double(self):
        return numpy.frombuffer(self.take(8), dtype="<f8")[0]

    def stream(self, count):
        """Values of histograms: FORMAT.md, "Native histograms"."""
        length = self.number()
        if length == 0:
            return numpy.repeat(self.double(), count)
        return decode_nx1(self.take(length), count).view("<f8")

    def side(self):
        """The indexes of buckets on one side of zero."""
        indexes = []
        for span in range(self.number()):
            first = self.folded() if span == 0 else indexes[-1] + 2 + self.number()
            indexes += range(first, first + self.number() + 1)
        return indexes

    def runs(self, count, run):
        """What `run` reads, a value and a length less 1, as often as the length says."""
        values = []
        while len(values) < count:
            value, more = run()
            values += [value] * (more + 1)
        assert len(values) == count
        return values


HINTS = ["unknown", "reset", "not_reset", "gauge"]


def decode_histograms(data):
    """The histograms of a cell: FORMAT.md, "Native histograms"."""
    cell = Cell(data)
    while cell.left:
        count, schema, zero_threshold = cell.number(), cell.folded(), cell.double()
        bounds = [cell.double() for _ in range(cell.number())]
        layouts = [(cell.side(), cell.side()) for _ in range(cell.number())]
        layout_of = cell.runs(count, lambda: (cell.number(), cell.number()))
        hints = cell.runs(count, lambda: divmod(cell.number(), 4)[::-1])
        are_sums = cell.take(1)[0]
        totals = None if are_sums else cell.stream(count)
        zero_counts, sums = cell.stream(count), cell.stream(count)
        streams = []
        for side in (0, 1):
            indexes = sorted({index for layout in layouts for index in layout[side]})
            streams.append({index: cell.stream(count) for index in indexes})
        for at in range(count):
            sides = [
                [(index, streams[side][index][at]) for index in layouts[layout_of[at]][side]]
                for side in (0, 1)
            ]
            if are_sums:
                total = sum((value for side in sides for _, value in side), zero_counts[at])
            else:
                total = totals[at]
            yield {
                "hint": HINTS[hints[at]],
                "schema": schema,
                "zero_threshold": shown_double(zero_threshold),
                "zero_count": shown_double(zero_counts[at]),
                "count": shown_double(total),
                "sum": shown_double(sums[at]),
                "positive": [[index, shown_double(value)] for index, value in sides[0]],
                "negative": [[index, shown_double(value)] for index, value in sides[1]],
                "custom_bounds": [shown_double(bound) for bound in bounds],
            }


def decode_starts(data, times):
    """The start timestamps of samples at these times: FORMAT.md, "Start timestamps"."""
    cell = Cell(data)
    is_relative, previous = cell.take(1)[0], 0

    def run():
        nonlocal previous
        more = cell.number()
        previous += cell.folded()
        return previous, more

    numbers = cell.runs(len(times), run)
    assert not cell.left and is_relative in (0, 1)
    if is_relative:
        befores = [times[0], *times]
        numbers = [number + before for number, before in zip(numbers, befores)]
    # Numbers wrap around at 64 bits.
    return [(number + 2**63) % 2**64 - 2**63 for number in numbers]


def shown_double(value):
    """A double as JSON can hold it."""
    value = numpy.float64(value)
    return shown(int(value.view(numpy.uint64)), float(value))


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


def cells(folder, meta, name):
    """The cells of a file that only some blocks have, by row of chunks.parquet."""
    if name not in meta["files"]:
        return {}
    table = rows(folder, name)
    assert set(table.column("enc").to_pylist()) == {1}
    return dict(zip(table.column("row").to_pylist(), table.column("cell").to_pylist()))


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
    histogram_cells = cells(folder, meta, "histograms.parquet")
    start_cells = cells(folder, meta, "starts.parquet")
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
            times = timestamps(row, vectors).tolist()
            number = index * count + series
            histograms = decode_histograms(histogram_cells.get(number, b""))
            starts = [0] * len(times)
            if number in start_cells:
                starts = decode_starts(start_cells[number], times)
            for time, value_bits, value, began in zip(times, values.tolist(), numbers, starts):
                is_histogram = value_bits == HISTOGRAM
                sample = [time, next(histograms) if is_histogram else shown(value_bits, value)]
                found[series].append(sample + [began] if began else sample)
            assert next(histograms, None) is None
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
