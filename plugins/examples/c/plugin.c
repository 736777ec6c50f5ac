/*
 * A plugin that reads a HAProxy: its page of statistics as CSV. A line is a frontend, a backend or a
 * server of a backend, and says which in its column `type`.
 */
#include <stdlib.h>
#include <string.h>

#include "narthex.h"

/* The most lines and columns that a page may have; more are a protocol error. */
#define ROWS_MAX 20000
#define COLUMNS_MAX 512

/* The job's `plugin_config`; its schema is in plugin.toml. */
static char *path;
static char *user;
static char *password_secret;

/* What a line is, as the column `type` has it. */
enum { FRONTEND = 0, BACKEND = 1, SERVER = 2 };

/* In which of the three a metric is. */
#define IN_FRONTEND 1
#define IN_BACKEND 2
#define IN_SERVER 4
#define IN_ALL 7

static const char *const kinds[] = {"frontend", "backend", "server"};

/* What a metric is named after haproxy_KIND_, and what it is made of. */
typedef struct {
  const char *column;
  const char *name;
  nx_kind kind;
  double factor;
  int in;
  const char *help;
} metric;

static const metric metrics[] = {
    {"qcur", "current_queue", NX_GAUGE, 1, IN_BACKEND | IN_SERVER, "Requests that wait."},
    {"qmax", "max_queue", NX_GAUGE, 1, IN_BACKEND | IN_SERVER, "The most that waited at once."},
    {"scur", "current_sessions", NX_GAUGE, 1, IN_ALL, "Sessions that are open."},
    {"smax", "max_sessions", NX_GAUGE, 1, IN_ALL, "The most that were open at once."},
    {"slim", "limit_sessions", NX_GAUGE, 1, IN_ALL, "The most that may be open."},
    {"stot", "sessions_total", NX_COUNTER, 1, IN_ALL, "Sessions."},
    {"bin", "bytes_in_total", NX_COUNTER, 1, IN_ALL, "Bytes that came in."},
    {"bout", "bytes_out_total", NX_COUNTER, 1, IN_ALL, "Bytes that went out."},
    {"dreq", "requests_denied_total", NX_COUNTER, 1, IN_FRONTEND, "Requests that were denied."},
    {"ereq", "request_errors_total", NX_COUNTER, 1, IN_FRONTEND, "Requests that were none."},
    {"econ", "connection_errors_total", NX_COUNTER, 1, IN_BACKEND | IN_SERVER,
     "Connections that failed."},
    {"eresp", "response_errors_total", NX_COUNTER, 1, IN_BACKEND | IN_SERVER,
     "Responses that failed."},
    {"wretr", "retry_warnings_total", NX_COUNTER, 1, IN_BACKEND | IN_SERVER,
     "Connections that were tried again."},
    {"wredis", "redispatch_warnings_total", NX_COUNTER, 1, IN_BACKEND | IN_SERVER,
     "Requests that went to another server."},
    {"weight", "weight", NX_GAUGE, 1, IN_BACKEND | IN_SERVER, "The weight."},
    {"act", "current_server", NX_GAUGE, 1, IN_BACKEND, "Servers at work."},
    {"chkfail", "check_failures_total", NX_COUNTER, 1, IN_SERVER, "Checks that failed."},
    {"downtime", "downtime_seconds_total", NX_COUNTER, 1, IN_SERVER, "Time that it was down."},
    {"check_duration", "check_duration_seconds", NX_GAUGE, 0.001, IN_SERVER,
     "How long the last check took."},
    {"rate", "current_session_rate", NX_GAUGE, 1, IN_ALL, "Sessions in the last second."},
    {"rate_lim", "limit_session_rate", NX_GAUGE, 1, IN_FRONTEND, "The most in a second."},
    {"rate_max", "max_session_rate", NX_GAUGE, 1, IN_ALL, "The most that came in a second."},
    {"conn_tot", "connections_total", NX_COUNTER, 1, IN_FRONTEND, "Connections."},
    {"req_tot", "http_requests_total", NX_COUNTER, 1, IN_FRONTEND, "Requests."},
    {"cli_abrt", "client_aborts_total", NX_COUNTER, 1, IN_BACKEND | IN_SERVER,
     "Transfers that the client ended."},
    {"srv_abrt", "server_aborts_total", NX_COUNTER, 1, IN_BACKEND | IN_SERVER,
     "Transfers that the server ended."},
    {"comp_in", "compressor_bytes_in_total", NX_COUNTER, 1, IN_FRONTEND | IN_BACKEND,
     "Bytes given to the compressor."},
    {"comp_out", "compressor_bytes_out_total", NX_COUNTER, 1, IN_FRONTEND | IN_BACKEND,
     "Bytes that it made of them."},
    {"comp_byp", "compressor_bytes_bypassed_total", NX_COUNTER, 1, IN_FRONTEND | IN_BACKEND,
     "Bytes that went past it."},
    {"comp_rsp", "http_responses_compressed_total", NX_COUNTER, 1, IN_FRONTEND | IN_BACKEND,
     "Responses that were compressed."},
    {"lbtot", "server_selected_total", NX_COUNTER, 1, IN_BACKEND | IN_SERVER,
     "How often a server was chosen."},
    {"qtime", "http_queue_time_average_seconds", NX_GAUGE, 0.001, IN_BACKEND | IN_SERVER,
     "Waiting, over the last 1024 requests."},
    {"ctime", "http_connect_time_average_seconds", NX_GAUGE, 0.001, IN_BACKEND | IN_SERVER,
     "Connecting, over the last 1024 requests."},
    {"rtime", "http_response_time_average_seconds", NX_GAUGE, 0.001, IN_BACKEND | IN_SERVER,
     "Answering, over the last 1024 requests."},
    {"ttime", "http_total_time_average_seconds", NX_GAUGE, 0.001, IN_BACKEND | IN_SERVER,
     "All of it, over the last 1024 requests."},
};

/* The columns of http_responses_total, and the label `code` of each. */
static const char *const responses[][2] = {
    {"hrsp_1xx", "1xx"}, {"hrsp_2xx", "2xx"}, {"hrsp_3xx", "3xx"},
    {"hrsp_4xx", "4xx"}, {"hrsp_5xx", "5xx"}, {"hrsp_other", "other"},
};

/* A page: its columns, and the fields of its lines one after the other. */
typedef struct {
  char **columns;
  size_t column_count;
  char **fields;
  size_t row_count;
} page;

nx_status plugin_init(const char *config) {
  const char *texts[] = {"/haproxy?stats;csv", "", NULL};
  const char *const names[] = {"path", "user", "password_secret"};
  for (size_t i = 0; i < 3; i++) {
    nx_status status = nx_json_string(config, names[i], &texts[i]);
    if (status != NX_OK) return status;
  }
  /* Kept from call to call, so they are no memory of this one. */
  path = strdup(texts[0]);
  user = strdup(texts[1]);
  password_secret = texts[2] ? strdup(texts[2]) : NULL;
  return NX_OK;
}

/* Takes the next field of a line, ends it with a NUL, and moves on; quotes around it are left out,
   and two within them are one. Sets *last at the line's last field. */
static char *next_field(char **at, bool *last) {
  char *field = *at, *write = *at, *read = *at;
  bool is_quoted = *read == '"';
  if (is_quoted) read++;
  for (; *read && *read != '\n'; read++) {
    if (is_quoted && *read == '"') {
      if (read[1] != '"') {
        is_quoted = false;
        continue;
      }
      read++;
    } else if (!is_quoted && *read == ',') {
      break;
    }
    if (*read != '\r') *write++ = *read;
  }
  *last = *read != ',';
  *at = *read ? read + 1 : read;
  *write = 0;
  return field;
}

/* Cuts a page into fields, in its own memory. */
static nx_status cut(char *text, page *page) {
  if (strncmp(text, "# ", 2)) {
    return nx_fail(NX_PROTOCOL, "%s is not a page of statistics: it has to end in ;csv", path);
  }
  text += 2;
  page->columns = nx_alloc(COLUMNS_MAX * sizeof *page->columns);
  bool last = false;
  while (!last) {
    if (page->column_count == COLUMNS_MAX) {
      return nx_fail(NX_PROTOCOL, "%s: more than %d columns", path, COLUMNS_MAX);
    }
    page->columns[page->column_count++] = next_field(&text, &last);
  }
  size_t lines = 0;
  for (const char *at = text; *at; at++) lines += *at == '\n';
  if (++lines > ROWS_MAX) return nx_fail(NX_PROTOCOL, "%s: more than %d lines", path, ROWS_MAX);
  page->fields = nx_alloc(lines * page->column_count * sizeof *page->fields);
  while (*text) {
    if (*text == '\n' || *text == '\r') {
      text++;
      continue;
    }
    char **row = page->fields + page->row_count++ * page->column_count;
    last = false;
    for (size_t i = 0; !last; i++) {
      char *field = next_field(&text, &last);
      if (i < page->column_count) row[i] = field;
    }
  }
  return NX_OK;
}

/* The place of a column; that of none is the number of columns. */
static size_t column(const page *page, const char *name) {
  size_t i = 0;
  while (i < page->column_count && strcmp(page->columns[i], name)) i++;
  return i;
}

/* A field's text; NULL where there is none. */
static const char *field(const page *page, size_t row, size_t column) {
  if (column >= page->column_count) return NULL;
  const char *text = page->fields[row * page->column_count + column];
  return text && *text ? text : NULL;
}

/* Whether a line is of the kind, and its labels if it is. */
static size_t labels_of(const page *page, size_t row, int kind, nx_label *labels) {
  static const char *const names[] = {"frontend", "backend", "backend"};
  const char *type = field(page, row, column(page, "type"));
  if (!type || strtol(type, NULL, 10) != kind) return 0;
  const char *proxy = field(page, row, column(page, "pxname"));
  labels[0] = (nx_label){names[kind], proxy ? proxy : ""};
  if (kind != SERVER) return 1;
  const char *server = field(page, row, column(page, "svname"));
  labels[1] = (nx_label){"server", server ? server : ""};
  return 2;
}

/* Adds a sample, if the field has a number. */
static void add(nx_batch *batch, const char *text, double factor, const nx_label *labels,
                size_t count) {
  char *end;
  double value = text ? strtod(text, &end) : 0;
  if (text && end != text) nx_sample(batch, value * factor, labels, count);
}

/* Whether a backend or server is at work: UP, no check, and what goes with them such as UP 1/3. */
static double is_up(const char *status) {
  return !strncmp(status, "UP", 2) || !strncmp(status, "OPEN", 4) ||
         !strncmp(status, "no check", 8) || !strncmp(status, "DRAIN", 5);
}

static void add_kind(nx_batch *batch, const page *page, int kind) {
  nx_label labels[3];
  for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
    const metric *metric = &metrics[i];
    size_t place = column(page, metric->column);
    if (!(metric->in & 1 << kind) || place == page->column_count) continue;
    nx_family(batch, metric->kind, nx_format("haproxy_%s_%s", kinds[kind], metric->name),
              metric->help);
    for (size_t row = 0; row < page->row_count; row++) {
      size_t count = labels_of(page, row, kind, labels);
      if (count) add(batch, field(page, row, place), metric->factor, labels, count);
    }
  }
  nx_counter(batch, nx_format("haproxy_%s_http_responses_total", kinds[kind]),
             "Responses by the first digit of their status.");
  for (size_t row = 0; row < page->row_count; row++) {
    size_t count = labels_of(page, row, kind, labels);
    for (size_t i = 0; count && i < sizeof responses / sizeof *responses; i++) {
      labels[count] = (nx_label){"code", responses[i][1]};
      const char *text = field(page, row, column(page, responses[i][0]));
      add(batch, text, 1, labels, count + 1);
    }
  }
  if (kind == FRONTEND) return;
  nx_gauge(batch, nx_format("haproxy_%s_up", kinds[kind]), "Whether it is at work.");
  for (size_t row = 0; row < page->row_count; row++) {
    size_t count = labels_of(page, row, kind, labels);
    const char *status = field(page, row, column(page, "status"));
    if (count && status) nx_sample(batch, is_up(status), labels, count);
  }
}

nx_status plugin_collect(const nx_target *target, nx_batch *batch) {
  nx_header header = {.form = NX_HEADER_BASIC, .name = "Authorization", .value = user};
  nx_request request = {.url = nx_format("http://%s%s", target->address, path)};
  nx_status status;
  if (password_secret) {
    status = nx_secret_get(password_secret, &header.secret);
    if (status != NX_OK) return status;
    request.headers = &header;
    request.header_count = 1;
  }
  nx_response response;
  status = nx_http_send(&request, &response);
  if (status != NX_OK) return status;
  if (response.status != 200) {
    nx_status fault = response.status >= 500 ? NX_UNAVAILABLE : NX_PROTOCOL;
    return nx_fail(fault, "%s: status %d", path, response.status);
  }
  page page = {0};
  status = cut(response.body.data, &page);
  if (status != NX_OK) return status;
  for (int kind = FRONTEND; kind <= SERVER; kind++) add_kind(batch, &page, kind);
  return NX_OK;
}
