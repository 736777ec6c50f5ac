/*
 * What the author of a Narthex plugin in C uses.
 *
 * An exporter is two functions, which the host calls through this SDK:
 *
 *     #include "narthex.h"
 *
 *     nx_status plugin_init(const char *config) { return NX_OK; }
 *
 *     nx_status plugin_collect(const nx_target *target, nx_batch *batch) {
 *       nx_text text;
 *       nx_status status = nx_file_read("/proc/uptime", &text);
 *       if (status != NX_OK) return status;
 *       nx_gauge(batch, "uptime_seconds", "Time since boot.");
 *       nx_sample(batch, strtod(text.data, NULL), NX_NO_LABELS);
 *       return NX_OK;
 *     }
 *
 * One instance serves one job, its calls never overlap, and what it keeps in its variables lives
 * from scrape to scrape, though not for ever. The functions below are the only ways out: sockets
 * and files of the C library find nothing.
 *
 * Memory: what these functions return, and what nx_alloc, nx_copy and nx_format make, is good
 * until the call of the host ends, and need not be freed. What is to be kept longer is copied
 * with malloc or strdup. Connections and sockets end with the call as well.
 *
 * Errors: a function that can fail returns a status. NX_OK is zero; after any other
 * nx_error_text() says why, and a plugin that returns the status returns that text with it.
 *
 * For tests on one's own machine narthex_fake.h plays the host.
 */
#ifndef NARTHEX_H
#define NARTHEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Errors ---- */

typedef enum {
  NX_OK = 0,
  NX_CONFIG,      /* the plugin's configuration is at fault: trying again does not help */
  NX_UNAVAILABLE, /* the other side could not be reached, or closed early */
  NX_TIMEOUT,     /* the call's time ran out */
  NX_DENIED,      /* the grant does not cover it */
  NX_PROTOCOL,    /* the other side's answer is not its protocol, or is an error */
  NX_INTERNAL,    /* anything else */
} nx_status;

/* Sets the text and returns the status: return nx_fail(NX_PROTOCOL, "not expected: %s", line);
   The text is for the operator: it says what to do, and never holds a secret. */
nx_status nx_fail(nx_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text of the last failure. */
const char *nx_error_text(void);

/* ---- Memory and texts of one call ---- */

/* Bytes, with a NUL after the last that `length` does not count. */
typedef struct {
  char *data;
  size_t length;
} nx_text;

void *nx_alloc(size_t size); /* zeroed; never NULL */
char *nx_copy(const char *data, size_t length);
char *nx_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A name and a value: a label, a header, a URL parameter. */
typedef struct {
  const char *name;
  const char *value;
} nx_label;

/* For the last two parameters of nx_sample and others:
   nx_sample(batch, 1, NX_LABELS({"command", "get"}, {"db", "0"})); */
#define NX_LABELS(...)                 \
  (const nx_label[]){__VA_ARGS__},     \
      sizeof((const nx_label[]){__VA_ARGS__}) / sizeof(nx_label)
#define NX_NO_LABELS NULL, 0

/* The value of the first pair of that name; NULL where there is none. */
const char *nx_value(const nx_label *pairs, size_t count, const char *name);

/* ---- Configuration ---- */

/* The fields of the JSON object that the operator wrote; it fits the schema in plugin.toml. A
   field that is missing leaves *value as it is. */
nx_status nx_json_string(const char *json, const char *field, const char **value);
nx_status nx_json_number(const char *json, const char *field, double *value);
nx_status nx_json_bool(const char *json, const char *field, bool *value);

/* ---- Metrics ---- */

typedef enum {
  NX_UNKNOWN,
  NX_COUNTER,
  NX_GAUGE,
  NX_HISTOGRAM,
  NX_SUMMARY,
  NX_INFO,
  NX_STATESET,
} nx_kind;

/* Takes the samples of one collection. */
typedef struct nx_batch nx_batch;

/* Begins a metric family; the samples that follow are its own. The name is whole, `_total` of a
   counter included. */
void nx_family(nx_batch *batch, nx_kind kind, const char *name, const char *help);
void nx_gauge(nx_batch *batch, const char *name, const char *help);
void nx_counter(nx_batch *batch, const char *name, const char *help);

/* Adds a sample to the family that was begun last. */
void nx_sample(nx_batch *batch, double value, const nx_label *labels, size_t count);
/* The same, with a suffix to the family's name: "_sum", "_count", "_bucket". */
void nx_suffixed(nx_batch *batch, const char *suffix, double value, const nx_label *labels,
                 size_t count);
/* Gives the last sample a time, in milliseconds since the Unix epoch. In a batch where one sample
   has a time all have one: the others get the present one. */
void nx_at(nx_batch *batch, int64_t timestamp_ms);

/* Adds the samples of a text in Prometheus' format, version 0.0.4. */
nx_status nx_add_text(nx_batch *batch, const char *text);

/* Makes text the collection's result in place of samples: the host parses it. */
void nx_exposition(nx_batch *batch, const char *content_type, const void *data, size_t length);

/* ---- Time and log ---- */

uint64_t nx_now_ms(void);       /* since the Unix epoch */
uint64_t nx_monotonic_ns(void); /* from a point of the host's choice; never goes back */
uint32_t nx_remaining_ms(void); /* until the host stops the call that is under way */

/* What adjtimex(2) tells, in its own numbers. A frequency is in millionths, shifted by 16 bits:
   65536 is one in a million. */
typedef struct {
  uint32_t state;  /* what the call returned: 5 is a clock that nothing synchronizes */
  uint32_t status; /* the bits STA_... */
  int64_t offset;  /* in ns where `status` has the bit 0x2000, in us where it has not */
  int64_t frequency;
  int64_t max_error;       /* us */
  int64_t estimated_error; /* us */
  int64_t constant;        /* of the phase-locked loop */
  int64_t precision;       /* us */
  int64_t tolerance;       /* how far the frequency can be adjusted */
  int64_t tick;            /* us */
  int64_t pps_frequency;   /* of the pulse per second */
  int64_t pps_jitter;      /* in the unit of `offset` */
  int32_t pps_shift;       /* it is measured for two to the power of this seconds at a time */
  int64_t pps_stability;   /* a frequency */
  int64_t pps_jitter_exceeded; /* this and the next three count, ever */
  int64_t pps_calibrations;
  int64_t pps_errors;
  int64_t pps_stability_exceeded;
  int32_t tai; /* seconds that international atomic time is ahead of UTC */
} nx_timex;

/* How the kernel disciplines the clock of the host's machine. */
nx_status nx_discipline(nx_timex *timex);

typedef enum { NX_TRACE, NX_DEBUG, NX_INFO_LEVEL, NX_WARN, NX_ERROR } nx_level;

/* Fields come beside the message: nx_log(NX_WARN, "slow", NX_LABELS({"query", name})); */
void nx_log(nx_level level, const char *message, const nx_label *fields, size_t count);

/* ---- Secrets ---- */

/* A handle to a secret of the host's; good for the call. */
typedef struct {
  int32_t handle;
} nx_secret;

nx_status nx_secret_get(const char *name, nx_secret *secret);
/* The text itself, for protocols that compute with it. The host counts these calls. */
nx_status nx_secret_reveal(nx_secret secret, nx_text *text);

/* ---- HTTP ---- */

typedef enum {
  NX_HEADER_PLAIN,  /* `value` */
  NX_HEADER_BEARER, /* `Bearer` and `secret` */
  NX_HEADER_BASIC,  /* `Basic` of the user `value` and the password `secret` */
  NX_HEADER_SECRET, /* `secret` alone */
} nx_header_form;

typedef struct {
  nx_header_form form;
  const char *name;
  const char *value;
  nx_secret secret;
} nx_header;

typedef struct {
  const char *method; /* NULL is GET */
  const char *url;    /* absolute, http or https */
  const nx_header *headers;
  size_t header_count;
  const void *body; /* NULL is none */
  size_t body_length;
  uint32_t timeout_ms; /* 0 is the call's own */
  const char *tls;     /* a TLS profile of the operator's; NULL is the system's authorities */
} nx_request;

typedef struct {
  int status;
  const nx_label *headers;
  size_t header_count;
  nx_text body;
} nx_response;

/* A response whose body stays with the host. */
typedef struct {
  int status;
  const char *content_type;
  uint64_t length;
  uint64_t handle;
} nx_stored;

/* Any status is an answer, not an error. A redirect comes back as it is. */
nx_status nx_http_send(const nx_request *request, nx_response *response);
nx_status nx_http_get(const char *url, nx_response *response);
nx_status nx_http_fetch(const nx_request *request, nx_stored *stored);

/* Makes the body of a stored response the collection's result in place of samples. */
void nx_pass(nx_batch *batch, const nx_stored *stored);

/* ---- TCP ---- */

/* The longest line that nx_tcp_read_line takes, in bytes; a longer one is a protocol error. */
#define NX_LINE_BYTES_MAX (64u * 1024)

typedef struct {
  int32_t handle;
} nx_connection;

/* An IPv6 address stands without brackets. `tls` is the name of a TLS profile of the operator's;
   "" is the system's authorities; NULL is no TLS. */
nx_status nx_tcp_connect(const char *host, uint16_t port, const char *tls, nx_connection *connection);
nx_status nx_tcp_write(nx_connection connection, const void *data, size_t length);
nx_status nx_tcp_puts(nx_connection connection, const char *text);
nx_status nx_tcp_write_secret(nx_connection connection, const char *prefix, nx_secret secret,
                              const char *suffix);
/* Up to so many bytes, at least one; none at the end of the stream. */
nx_status nx_tcp_read(nx_connection connection, uint32_t max, nx_text *text);
/* A line, without its CR LF or LF. */
nx_status nx_tcp_read_line(nx_connection connection, nx_text *line);
/* Up to and with the delimiter; more than `max` bytes without it are a protocol error. */
nx_status nx_tcp_read_until(nx_connection connection, const char *delimiter, uint32_t max,
                            nx_text *text);
nx_status nx_tcp_read_exact(nx_connection connection, uint32_t count, nx_text *text);
/* Goes on in TLS; a NULL server name is the host that was connected to. */
nx_status nx_tcp_start_tls(nx_connection connection, const char *profile, const char *server_name);
/* The address at the other end, without its port. */
const char *nx_tcp_peer(nx_connection connection);
/* Before the call ends. */
void nx_tcp_close(nx_connection connection);

/* ---- UDP, ICMP, names ---- */

typedef struct {
  int32_t handle;
} nx_socket;

nx_status nx_udp_connect(const char *host, uint16_t port, nx_socket *socket);
nx_status nx_udp_send(nx_socket socket, const void *data, size_t length);
/* The next datagram, cut off after `max` bytes. */
nx_status nx_udp_receive(nx_socket socket, uint32_t max, nx_text *datagram);

/* One echo request with so many bytes in it: who answered, and after how many nanoseconds. */
nx_status nx_ping(const char *host, uint16_t payload_bytes, const char **address,
                  uint64_t *nanoseconds);
/* All addresses of a name. */
nx_status nx_resolve(const char *host, const char ***addresses, size_t *count);

/* ---- Files and state ---- */

nx_status nx_file_read(const char *path, nx_text *content);
/* The names in a folder, sorted. */
nx_status nx_file_entries(const char *path, const char ***names, size_t *count);
/* Where a symbolic link leads. */
nx_status nx_file_link(const char *path, const char **target);

/* Small blobs that outlive a call, an instance, a new version of the plugin and a restart of the
   host. *found tells whether there is one. */
nx_status nx_state_get(const char *key, nx_text *value, bool *found);
/* No bytes take the key away. */
nx_status nx_state_set(const char *key, const void *value, size_t length);

/* ---- Kubernetes ---- */

/* A watch; it outlives the call that opened it. */
typedef struct {
  int32_t handle;
} nx_watch;

typedef enum { NX_ADDED, NX_MODIFIED, NX_DELETED } nx_change;

typedef struct {
  nx_change change;
  const char *object; /* JSON */
} nx_event;

/* A NULL namespace is all of them, a NULL selector everything. */
nx_status nx_watch_open(const char *api_version, const char *kind, const char *name_space,
                        const char *label_selector, nx_watch *watch);
nx_status nx_watch_drain(nx_watch watch, uint32_t max, const nx_event **events, size_t *count);
bool nx_watch_synced(nx_watch watch);

/* ---- What the plugin has ---- */

/* Every world. `config` is JSON. What plugin_init makes it keeps in its own variables. */
nx_status plugin_init(const char *config);
/* These need not be there: asked after plugin_init; the last call of an instance that ends in
   peace; another configuration, which is taken by leaving *taken true. */
nx_status plugin_health(void);
void plugin_shutdown(void);
nx_status plugin_reconfigure(const char *config, bool *taken);

/* An exporter. */
typedef struct {
  const char *address; /* host and port, as in the label __address__ */
  const nx_label *labels;
  size_t label_count;
  const nx_label *params; /* the job's URL parameters, one for each value */
  size_t param_count;
} nx_target;

/* Reads one target. After an error nothing of the batch is kept. */
nx_status plugin_collect(const nx_target *target, nx_batch *batch);

/* Splits host:port; the host of an IPv6 address comes without its brackets. */
nx_status nx_host_port(const char *address, const char **host, uint16_t *port);

/* A discovery. */
typedef struct nx_groups nx_groups;

/* Begins a group; a group of the same source takes its place in the next refresh. */
void nx_group(nx_groups *groups, const char *source, const nx_label *labels, size_t count);
/* Adds a target to the group that was begun last; __address__ is among its labels. */
void nx_group_target(nx_groups *groups, const nx_label *labels, size_t count);

/* All groups that there are now. */
nx_status plugin_refresh(nx_groups *groups);

/* A receiver. */
typedef struct {
  bool firing;
  const char *fingerprint;
  const nx_label *labels;
  size_t label_count;
  const nx_label *annotations;
  size_t annotation_count;
  int64_t starts_at_ms;
  int64_t ends_at_ms; /* 0 as long as it fires */
  const char *generator_url;
} nx_alert;

typedef struct {
  const char *group_key;
  const char *receiver;
  const nx_label *group_labels;
  size_t group_label_count;
  const nx_label *common_labels;
  size_t common_label_count;
  const nx_label *common_annotations;
  size_t common_annotation_count;
  const char *external_url;
  uint32_t truncated; /* alerts that were left out */
  const nx_alert *alerts;
  size_t alert_count;
} nx_notification;

typedef enum { NX_DELIVERED, NX_RETRY, NX_REJECTED } nx_outcome_form;

typedef struct {
  nx_outcome_form form; /* NX_DELIVERED unless the plugin says otherwise */
  uint32_t retry_after_s; /* of NX_RETRY; 0 is the host's choice */
  const char *reason;     /* of NX_REJECTED */
} nx_outcome;

/* Delivers one notification. The errors NX_UNAVAILABLE and NX_TIMEOUT are tried again. */
nx_status plugin_notify(const nx_notification *notification, nx_outcome *outcome);

#ifdef __cplusplus
}
#endif

#endif
