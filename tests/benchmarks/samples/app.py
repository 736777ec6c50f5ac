"""The samples in Python."""

from narthex_sdk import Batch, Exporter, Target, export


@export
class Samples(Exporter):
    def __init__(self, config: dict) -> None:
        self.count = config["count"]

    def collect(self, target: Target, batch: Batch) -> None:
        batch.gauge("samples_info", "What they are written in.").sample(1, {"language": "python"})
        family = batch.counter("samples_requests_total", "Requests.")
        for number in range(self.count):
            path = f"/api/v1/path/{number}"
            family.sample(number + 0.5, {"code": "200", "method": "get", "path": path})
