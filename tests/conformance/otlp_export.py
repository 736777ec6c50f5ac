"""Exports metrics of every kind with OpenTelemetry's SDK, once.

Arguments: the URL of the receiver, and `gzip` or `none`.
"""

import sys

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource

url, compression = sys.argv[1:]
exporter = OTLPMetricExporter(endpoint=url, compression=Compression(compression))
reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
resource = Resource.create(
    {
        "service.name": "shop",
        "service.namespace": "eu",
        "service.instance.id": "shop-1",
        "host.name": "h1",
    }
)
views = [
    View(
        instrument_name="request.duration",
        aggregation=ExplicitBucketHistogramAggregation([0.1, 1, 10]),
    ),
    View(
        instrument_name="reply.size",
        aggregation=ExponentialBucketHistogramAggregation(),
    ),
]
provider = MeterProvider(metric_readers=[reader], resource=resource, views=views)
meter = provider.get_meter("shop.lib", "1.2")

orders = meter.create_counter("orders", unit="{order}", description="Orders taken.")
orders.add(5, {"http.method": "GET"})
orders.add(2, {"http.method": "POST"})
meter.create_up_down_counter("queue.length").add(3)
meter.create_observable_gauge("disk.used", [lambda _: [Observation(0.25)]], unit="1")
meter.create_observable_counter("sent", [lambda _: [Observation(10)]], unit="By")
duration = meter.create_histogram("request.duration", unit="s")
for value in (0.05, 0.5, 0.7, 20):
    duration.record(value)
size = meter.create_histogram("reply.size", unit="By")
for value in (0, 1, 100, 1000, 1000):
    size.record(value)
if not provider.force_flush():
    sys.exit("the metrics were not exported")
provider.shutdown()
