"""Another client of Thanos' StoreAPI: reads a host by gRPC and by HTTP, and compares.

    storeapi.py HOST:PORT URL

The host has the external labels cluster=eu and replica=a, takes OTLP, and scrapes a target. The
messages are made here from the numbers of their fields, and chunks are read here from their
format, so that nothing of the host's own reading takes part.
"""

import json
import math
import struct
import sys
import time
import urllib.parse
import urllib.request

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

STALE = 0x7FF0000000000002
HOUR = 3600
EXTERNAL = {"cluster": "eu", "replica": "a"}

# Name, number and type of each field; a type in brackets is repeated.
MESSAGES = {
    "thanos": {
        "Label": "name:1:string value:2:string",
        "LabelSet": "labels:1:[Label]",
        "Chunk": "type:1:int32 data:2:bytes hash:3:uint64",
        "AggrChunk": "min_time:1:int64 max_time:2:int64 raw:3:Chunk",
        "Series": "labels:1:[Label] chunks:2:[AggrChunk]",
        "SeriesBatch": "series:1:[Series]",
        "LabelMatcher": "type:1:int32 name:2:string value:3:string",
        "ShardInfo": "shard_index:1:int64 total_shards:2:int64 by:3:bool labels:4:[string]",
        "SeriesRequest": "min_time:1:int64 max_time:2:int64 matchers:3:[LabelMatcher]"
        " max_resolution_window:4:int64 aggregates:5:[int32] partial_response_disabled:6:bool"
        " partial_response_strategy:7:int32 skip_chunks:8:bool step:10:int64 range:11:int64"
        " shard_info:13:ShardInfo without_replica_labels:14:[string] limit:15:int64"
        " response_batch_size:16:int64",
        "SeriesResponse": "series:1:Series warning:2:string batch:4:SeriesBatch",
        "LabelNamesRequest": "start:3:int64 end:4:int64 matchers:6:[LabelMatcher]"
        " without_replica_labels:7:[string] limit:8:int64",
        "LabelNamesResponse": "names:1:[string] warnings:2:[string]",
        "LabelValuesRequest": "label:1:string start:4:int64 end:5:int64"
        " matchers:7:[LabelMatcher] without_replica_labels:8:[string] limit:9:int64",
        "LabelValuesResponse": "values:1:[string] warnings:2:[string]",
        "InfoRequest": "",
        "HealthRequest": "service:1:string",
        "HealthResponse": "status:1:int32",
        "TargetsRequest": "state:1:int32",
        "ActiveTarget": "discovered_labels:1:LabelSet labels:2:LabelSet scrape_pool:3:string"
        " scrape_url:4:string global_url:5:string last_error:6:string health:9:int32",
        "TargetDiscovery": "active_targets:1:[ActiveTarget]",
        "TargetsResponse": "targets:1:TargetDiscovery warning:2:string",
        "MetadataRequest": "metric:1:string limit:2:int32",
        "Meta": "type:1:string help:2:string unit:3:string",
        "MetadataEntry": "metas:2:[Meta]",
        # A map is a list of its pairs.
        "Pair": "key:1:string value:2:MetadataEntry",
        "MetricMetadata": "metadata:1:[Pair]",
        "MetadataResponse": "metadata:1:MetricMetadata warning:2:string",
        "RulesRequest": "type:1:int32",
        "RecordingRule": "name:1:string query:2:string labels:3:LabelSet health:4:string",
        "Rule": "recording:1:RecordingRule",
        "RuleGroup": "name:1:string file:2:string rules:3:[Rule] interval:4:double",
        "RulesResponse": "group:1:RuleGroup warning:2:string",
        "TSDBInfo": "labels:1:LabelSet min_time:2:int64 max_time:3:int64",
        "StoreInfo": "min_time:1:int64 max_time:2:int64 supports_sharding:3:bool"
        " supports_without_replica_labels:5:bool tsdb_infos:6:[TSDBInfo]",
        "InfoResponse": "label_sets:1:[LabelSet] component_type:2:string store:3:StoreInfo",
    }
}


def classes():
    """The messages as classes."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="storeapi.proto", package="thanos", syntax="proto3"
    )
    for name, fields in MESSAGES["thanos"].items():
        message = file.message_type.add(name=name)
        for field in fields.split():
            field, number, kind = field.split(":")
            added = message.field.add(name=field, number=int(number))
            repeated = kind.startswith("[")
            added.label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            kind = kind.strip("[]")
            if kind[0].isupper():
                added.type = kinds.TYPE_MESSAGE
                added.type_name = f".thanos.{kind}"
            else:
                added.type = getattr(kinds, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {}
    for name in MESSAGES["thanos"]:
        descriptor = pool.FindMessageTypeByName(f"thanos.{name}")
        found[name] = message_factory.GetMessageClass(descriptor)
    return found


T = classes()


class Bits:
    """The bits of a chunk, from the front."""

    VARBIT = [0, 3, 6, 9, 12, 18, 25, 56, 64]
    TIME = [0, 14, 17, 20, 64]

    def __init__(self, data):
        self.number = int.from_bytes(data, "big")
        self.left = len(data) * 8

    def take(self, count):
        if count > self.left:
            raise ValueError("the chunk ends too early")
        self.left -= count
        return (self.number >> self.left) & ((1 << count) - 1)

    def float(self):
        return self.take(64)

    def uvarint(self):
        value = shift = 0
        while True:
            byte = self.take(8)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def varint(self):
        value = self.uvarint()
        return (value >> 1) ^ -(value & 1)

    def prefixed(self, widths):
        ones = 0
        while ones < len(widths) - 1 and self.take(1):
            ones += 1
        return widths[ones], self.take(widths[ones])

    def signed(self, widths):
        width, value = self.prefixed(widths)
        if width == 64:
            return value - (1 << 64) if value >> 63 else value
        if width and value > 1 << (width - 1):
            return value - (1 << width)
        return value

    def varbit(self):
        return self.signed(self.VARBIT)

    def varbit_unsigned(self):
        return self.prefixed(self.VARBIT)[1]


class Xor:
    """A float that is kept by what changes of its bits."""

    def __init__(self, bits):
        self.bits, self.leading, self.trailing = bits, 0, 0

    def next(self, bits):
        if bits.take(1):
            if bits.take(1):
                self.leading, count = bits.take(5), bits.take(6) or 64
                self.trailing = 64 - self.leading - count
            self.bits ^= bits.take(64 - self.leading - self.trailing) << self.trailing
        return self.bits


class Counted:
    """An integer that is kept by how its change changes."""

    def __init__(self, value):
        self.value, self.change = value, 0

    def next(self, bits):
        self.change += bits.varbit()
        self.value += self.change
        return self.value


def number(bits):
    return struct.unpack(">d", struct.pack(">Q", bits))[0]


def read_xor(data):
    count, bits = int.from_bytes(data[:2], "big"), Bits(data[2:])
    found, step = [], 0
    for at in range(count):
        if at == 0:
            when, value = bits.varint(), Xor(bits.float())
            found.append((when, value.bits))
            continue
        step = bits.uvarint() if at == 1 else step + bits.signed(Bits.TIME)
        when += step
        found.append((when, value.next(bits)))
    return found


def read_histograms(data, integers):
    count, bits = int.from_bytes(data[:2], "big"), Bits(data[2:])
    bits.take(8)
    threshold = bits.take(8)
    if threshold == 255:
        bits.float()
    schema = bits.varbit()
    sides = []
    for _ in range(2):
        indexes, at = [], 0
        for _ in range(bits.varbit_unsigned()):
            length, gap = bits.varbit_unsigned(), bits.varbit()
            at += gap
            indexes += range(at, at + length)
            at += length
        sides.append(indexes)
    assert schema != -53, "the test has no custom buckets"
    total = sum(len(side) for side in sides)
    found, step = [], 0
    for at in range(count):
        if at == 0:
            when = bits.varbit()
            first = (lambda: Counted(bits.varbit_unsigned())) if integers else None
            bucket = (lambda: Counted(bits.varbit())) if integers else None
            first = first or (lambda: Xor(bits.float()))
            bucket = bucket or (lambda: Xor(bits.float()))
            totals = [first(), first()]
            sum_ = Xor(bits.float())
            buckets = [bucket() for _ in range(total)]
            values = [f.value if integers else f.bits for f in totals + buckets]
        else:
            step += bits.varbit()
            when += step
            values = [f.next(bits) for f in totals]
            sum_.next(bits)
            values += [f.next(bits) for f in buckets]
        if integers:
            counts, at_bucket = [], 2
            for side in sides:
                running = 0
                for _ in side:
                    running += values[at_bucket]
                    counts.append(float(running))
                    at_bucket += 1
            all_, zero = float(values[0]), float(values[1])
        else:
            all_, zero = number(values[0]), number(values[1])
            counts = [number(value) for value in values[2:]]
        bounds = [2.0 ** (i * 2.0**-schema) for i in sides[0]]
        lower = {round(math.log2(b), 9): c for b, c in zip(bounds, counts) if c}
        negative = sum(counts[len(sides[0]) :])
        found.append((when, (all_, number(sum_.bits), zero, lower, negative)))
    return found


def read(chunk):
    raw = chunk.raw
    assert raw.type in (0, 1, 2), raw.type
    samples = read_xor(raw.data) if raw.type == 0 else read_histograms(raw.data, raw.type == 1)
    assert 1 <= len(samples) <= 120, len(samples)
    assert (samples[0][0], samples[-1][0]) == (chunk.min_time, chunk.max_time)
    return samples


class Host:
    def __init__(self, address, url):
        self.channel = grpc.insecure_channel(address)
        self.url = url

    def call(self, path, answer, request):
        method = self.channel.unary_unary(
            path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=T[answer].FromString,
        )
        return method(request, timeout=120)

    def stream(self, path, answer, request):
        method = self.channel.unary_stream(
            path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=T[answer].FromString,
        )
        return list(method(request, timeout=120))

    def series(self, **fields):
        """Each series of the frames as labels and samples, in order."""
        found = []
        request = T["SeriesRequest"](**fields)
        for frame in self.stream("/thanos.Store/Series", "SeriesResponse", request):
            assert not frame.warning, frame.warning
            for series in frame.batch.series if frame.HasField("batch") else [frame.series]:
                labels = [(label.name, label.value) for label in series.labels]
                assert labels == sorted(labels), labels
                samples = [sample for chunk in series.chunks for sample in read(chunk)]
                if found and found[-1][0] == labels:
                    found[-1][1].extend(samples)
                else:
                    found.append((labels, samples))
        order = [labels for labels, _ in found]
        assert order == sorted(order), "the series are not sorted"
        return found

    def http(self, path, **parameters):
        with urllib.request.urlopen(
            f"{self.url}{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
        ) as answer:
            return json.load(answer)["data"]


def matcher(name, kind, value):
    kinds = {"=": 0, "!=": 1, "=~": 2, "!~": 3}
    return T["LabelMatcher"](type=kinds[kind], name=name, value=value)


ANY = [matcher("__name__", "=~", ".+")]


def push_histograms(url):
    """Two native histograms by OTLP, one of which has fractions as soon as it is a rate."""
    now, points = time.time_ns(), []
    for at in range(150):
        when = now - (200 - at) * 1_000_000_000
        counts = [at + 1, 2 * at, 0, at // 7]
        points.append(
            {
                "timeUnixNano": str(when),
                "startTimeUnixNano": str(now - 10**12),
                "count": str(sum(counts) + at + 3),
                "sum": 0.25 * at,
                "scale": 2,
                "zeroCount": str(at),
                "positive": {"offset": -3, "bucketCounts": [str(c) for c in counts]},
                "negative": {"offset": 1, "bucketCounts": ["3"]},
            }
        )
    metric = {
        "name": "pushed",
        "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": points},
    }
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    request = urllib.request.Request(
        f"{url}/api/v1/otlp/v1/metrics",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).read()


def by_http(host, end):
    """All series as the HTTP API has them."""
    found = {}
    for series in host.http("/api/v1/query", query='{__name__=~".+"}[1h]', time=end)["result"]:
        labels = tuple(sorted({**series["metric"], **EXTERNAL}.items()))
        samples = {round(t * 1000): struct.unpack(">Q", struct.pack(">d", float(v)))[0]
                   for t, v in series.get("values", [])}
        for t, histogram in series.get("histograms", []):
            positive = {
                round(math.log2(float(upper)), 9): float(count)
                for _, _, upper, count in histogram.get("buckets", [])
                if float(upper) > 1e-100
            }
            # The bucket around zero ends at the threshold, far below the others.
            samples[round(t * 1000)] = (
                float(histogram["count"]), float(histogram["sum"]), positive)
        found[labels] = samples
    return found


def by_grpc(found, start, end):
    """The same of an answer by gRPC."""
    series = {}
    for labels, samples in found:
        kept = {}
        for when, value in samples:
            if start < when <= end and value != STALE:
                if isinstance(value, tuple):
                    value = (value[0], value[1], value[3])
                elif math.isnan(number(value)):
                    # Text has one NaN.
                    value = struct.unpack(">Q", struct.pack(">d", math.nan))[0]
                kept[when] = value
        if kept:
            series[tuple(labels)] = kept
    return series


def refused(code, ask):
    try:
        ask()
    except grpc.RpcError as error:
        assert error.code() == code, error
    else:
        raise AssertionError(f"no {code}")


def newest(host):
    """When the target was scraped last, as far as that is stored."""
    found = host.http("/api/v1/query", query="timestamp(ticks_total)")["result"]
    return float(found[0]["value"][1]) if found else 0


def scraped(host):
    """The only target."""
    (answer,) = host.stream("/thanos.Targets/Targets", "TargetsResponse", T["TargetsRequest"]())
    (target,) = answer.targets.active_targets
    return target


def until(is_so):
    """Waits until something is so."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline, "it is never so"
        time.sleep(0.05)


def main():
    host = Host(*sys.argv[1:])
    push_histograms(host.url)
    # The newest sample that both see is some scrapes old, and no older one is on its way: the
    # target's come in the order of their time.
    end_s = round(time.time() - 2, 3)
    until(lambda: newest(host) > end_s)
    end, start = round(end_s * 1000), round((end_s - HOUR) * 1000)
    whole = {"min_time": start, "max_time": end, "matchers": ANY}

    info = host.call("/thanos.info.Info/Info", "InfoResponse", T["InfoRequest"]())
    sets = [{label.name: label.value for label in found.labels} for found in info.label_sets]
    assert sets == [EXTERNAL], sets
    assert info.store.supports_sharding and info.store.supports_without_replica_labels
    assert info.store.min_time <= end and info.store.max_time == 2**63 - 1

    expected = by_http(host, end_s)
    kinds = {type(value) for samples in expected.values() for value in samples.values()}
    assert kinds == {int, tuple}, kinds
    assert any(len(samples) > 120 for samples in expected.values())
    for size in (0, 1, 3, 64):
        found = by_grpc(host.series(**whole, response_batch_size=size), start, end)
        assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
        for labels, samples in expected.items():
            assert found[labels] == samples, (labels, found[labels], samples)

    everything = host.series(**whole)
    sets = [labels for labels, _ in everything]
    labels_only = host.series(**whole, skip_chunks=True)
    assert {tuple(l) for l, _ in labels_only} >= {tuple(l) for l in sets}
    assert all(not samples for _, samples in labels_only)
    assert host.series(**whole, limit=3) == everything[:3]

    shards = [
        host.series(
            **whole,
            shard_info=T["ShardInfo"](shard_index=at, total_shards=3, by=by, labels=labels),
        )
        for by, labels in ((True, ["instance", "series"]), (False, ["series"]))
        for at in range(3)
    ]
    for three in (shards[:3], shards[3:]):
        assert sorted(l for shard in three for l, _ in shard) == sets
    assert all(shards[:3]), "one shard has all series"

    bare = host.series(**whole, without_replica_labels=["replica"])
    assert [[pair for pair in labels if pair[0] != "replica"] for labels in sets] == [
        labels for labels, _ in bare
    ]

    outer = [matcher("cluster", "=", "eu"), matcher("replica", "=~", "a|b"), *ANY]
    assert host.series(**{**whole, "matchers": outer}) == everything
    assert host.series(**{**whole, "matchers": [matcher("replica", "!=", "a"), *ANY]}) == []
    only = {**whole, "matchers": [matcher("cluster", "=", "eu")]}
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: host.series(**only))
    wrong = {**whole, "matchers": [matcher("job", "=~", "(")]}
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: host.series(**wrong))
    refused(
        grpc.StatusCode.UNIMPLEMENTED,
        lambda: host.call("/thanos.Query/Query", "InfoResponse", T["InfoRequest"]()),
    )

    def healthy(service):
        request = T["HealthRequest"](service=service)
        return host.call("/grpc.health.v1.Health/Check", "HealthResponse", request).status == 1

    assert healthy("") and healthy("thanos.Store")
    refused(grpc.StatusCode.NOT_FOUND, lambda: healthy("thanos.Query"))

    span = {"start": start, "end": end}
    names = host.call(
        "/thanos.Store/LabelNames", "LabelNamesResponse", T["LabelNamesRequest"](**span)
    )
    assert list(names.names) == sorted({*host.http("/api/v1/labels"), *EXTERNAL})
    for label in ("__name__", "series", "cluster"):
        request = T["LabelValuesRequest"](label=label, **span)
        values = host.call("/thanos.Store/LabelValues", "LabelValuesResponse", request)
        own = [EXTERNAL[label]] if label in EXTERNAL else None
        assert list(values.values) == (own or host.http(f"/api/v1/label/{label}/values")), label

    # A scrape may come too late now and then.
    until(lambda: scraped(host).health == 1)
    target = scraped(host)
    (own,) = host.http("/api/v1/targets")["activeTargets"]
    labels = {label.name: label.value for label in target.labels.labels}
    assert labels == {**own["labels"], **EXTERNAL}, labels
    assert (target.scrape_pool, target.scrape_url) == (own["scrapePool"], own["scrapeUrl"])
    request = T["MetadataRequest"](limit=-1)
    (answer,) = host.stream("/thanos.Metadata/MetricMetadata", "MetadataResponse", request)
    metadata = {
        pair.key: [{"type": m.type, "help": m.help, "unit": m.unit} for m in pair.value.metas]
        for pair in answer.metadata.metadata
    }
    assert metadata == host.http("/api/v1/metadata") and "pushed" in metadata, metadata
    (answer,) = host.stream("/thanos.Rules/Rules", "RulesResponse", T["RulesRequest"]())
    ((own,),) = [group["rules"] for group in host.http("/api/v1/rules")["groups"]]
    (rule,) = answer.group.rules
    recording, labels = rule.recording, [(l.name, l.value) for l in rule.recording.labels.labels]
    assert (recording.name, recording.query) == (own["name"], own["query"])
    assert dict(labels) == {**own["labels"], **EXTERNAL}, labels

    with urllib.request.urlopen(f"{host.url}/metrics") as page:
        metrics = page.read().decode()
    assert 'grpc_server_handled_total{grpc_code="OK",grpc_method="Series"' in metrics
    print(f"{len(sets)} series, {sum(map(len, expected.values()))} samples")


main()
