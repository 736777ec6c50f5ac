/* The samples in C. */
#include "narthex.h"

static double count;

nx_status plugin_init(const char *config) { return nx_json_number(config, "count", &count); }

nx_status plugin_collect(const nx_target *target, nx_batch *batch) {
  (void)target;
  nx_gauge(batch, "samples_info", "What they are written in.");
  nx_sample(batch, 1, NX_LABELS({"language", "c"}));
  nx_counter(batch, "samples_requests_total", "Requests.");
  for (int number = 0; number < (int)count; number++) {
    const char *path = nx_format("/api/v1/path/%d", number);
    nx_sample(batch, number + 0.5, NX_LABELS({"code", "200"}, {"method", "get"}, {"path", path}));
  }
  return NX_OK;
}
