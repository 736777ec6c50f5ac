/* A plugin that reads a memcached server: it sends `stats`, and makes metrics of some lines of the
   answer. */
#include <stdlib.h>
#include <string.h>

#include "narthex.h"

/* The job's `plugin_config`; its schema is in plugin.toml. */
static char *prefix;

nx_status plugin_init(const char *config) {
  const char *configured = "{{identifier}}";
  nx_status status = nx_json_string(config, "prefix", &configured);
  if (status != NX_OK) return status;
  /* Kept from call to call, so it is no memory of this one. */
  prefix = strdup(configured);
  return NX_OK;
}

static const char *name(const char *rest) { return nx_format("%s_%s", prefix, rest); }

/* Lines such as `STAT curr_connections 10`, up to `END`. */
static nx_status read_stats(const nx_target *target, nx_label *stats, size_t max, size_t *count) {
  const char *host;
  uint16_t port;
  nx_status status = nx_host_port(target->address, &host, &port);
  if (status != NX_OK) return status;
  nx_connection connection;
  status = nx_tcp_connect(host, port, NULL, &connection);
  if (status != NX_OK) return status;
  status = nx_tcp_puts(connection, "stats\r\n");
  if (status != NX_OK) return status;
  for (*count = 0; *count < max;) {
    nx_text line;
    status = nx_tcp_read_line(connection, &line);
    if (status != NX_OK) return status;
    if (!strcmp(line.data, "END")) return NX_OK;
    char *stat = line.data + strlen("STAT ");
    char *blank = strncmp(line.data, "STAT ", strlen("STAT ")) ? NULL : strchr(stat, ' ');
    if (!blank) return nx_fail(NX_PROTOCOL, "stats: not expected: %s", line.data);
    *blank = 0;
    stats[(*count)++] = (nx_label){stat, blank + 1};
  }
  return nx_fail(NX_PROTOCOL, "stats: more than %zu lines", max);
}

/* The most lines that are read. */
#define STATS_MAX 1000

nx_status plugin_collect(const nx_target *target, nx_batch *batch) {
  nx_label *stats = nx_alloc(STATS_MAX * sizeof *stats);
  size_t count;
  nx_status status = read_stats(target, stats, STATS_MAX, &count);
  if (status != NX_OK) return status;

  const char *version = nx_value(stats, count, "version");
  if (version) {
    nx_gauge(batch, name("info"), "The server's version; always 1.");
    nx_sample(batch, 1, NX_LABELS({"version", version}));
  }
  const char *connections = nx_value(stats, count, "curr_connections");
  if (connections) {
    nx_gauge(batch, name("connections"), "Open connections.");
    nx_sample(batch, strtod(connections, NULL), NX_NO_LABELS);
  }
  nx_counter(batch, name("commands_total"), "Commands by name.");
  static const char *const commands[] = {"get", "set", "flush", "touch"};
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    const char *number = nx_value(stats, count, nx_format("cmd_%s", commands[i]));
    if (number) nx_sample(batch, strtod(number, NULL), NX_LABELS({"command", commands[i]}));
  }
  return NX_OK;
}
