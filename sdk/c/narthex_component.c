/* The host as a component sees it: its imports, and the exports that it calls. The bindings are
   made for each build from the contract (contract.h). */
#include "narthex_internal.h"

#include <stdlib.h>
#include <string.h>

#include "contract.h"

/* ---- Values across the boundary ---- */

static contract_string_t in(const char *text) {
  return (contract_string_t){(uint8_t *)(text ? text : ""), text ? strlen(text) : 0};
}

static contract_list_u8_t bytes(const void *data, size_t length) {
  return (contract_list_u8_t){(uint8_t *)data, length};
}

/* What the host gives was made by malloc; it becomes the call's. */
static char *out(contract_string_t text) {
  char *copy = nx_copy((const char *)text.ptr, text.len);
  contract_string_free(&text);
  return copy;
}

static nx_text out_bytes(contract_list_u8_t data) {
  nx_text text = {nx_copy((const char *)data.ptr, data.len), data.len};
  contract_list_u8_free(&data);
  return text;
}

static const char **out_list(contract_list_string_t list, size_t *count) {
  const char **texts = nx_alloc(list.len * sizeof *texts);
  for (size_t i = 0; i < list.len; i++) {
    texts[i] = nx_copy((const char *)list.ptr[i].ptr, list.ptr[i].len);
  }
  *count = list.len;
  contract_list_string_free(&list);
  return texts;
}

/* Pairs that stay the bindings'. */
static const nx_label *pairs(const contract_tuple2_string_string_t *tuples, size_t count) {
  nx_label *labels = nx_alloc(count * sizeof *labels);
  for (size_t i = 0; i < count; i++) {
    labels[i].name = nx_copy((const char *)tuples[i].f0.ptr, tuples[i].f0.len);
    labels[i].value = nx_copy((const char *)tuples[i].f1.ptr, tuples[i].f1.len);
  }
  return labels;
}

static nx_status failed(narthex_plugin_types_error_t *error) {
  nx_status status = (nx_status)(error->tag + 1);
  if (status == NX_TIMEOUT) return nx_fail(NX_TIMEOUT, "the call's time ran out");
  contract_string_t text = error->val.internal;
  nx_fail(status, "%.*s", (int)text.len, (const char *)text.ptr);
  narthex_plugin_types_error_free(error);
  return status;
}

/* A text that the bindings free after the call; they do not free an empty one. */
static contract_string_t give(const char *text) {
  contract_string_t given = {0};
  if (text && *text) contract_string_dup(&given, text);
  return given;
}

static void fail_with(nx_status status, narthex_plugin_types_error_t *error) {
  error->tag = (uint8_t)(status - 1);
  if (status != NX_TIMEOUT) error->val.internal = give(nx_error_text());
}

/* ---- Resources that end with the call ---- */

static struct {
  int32_t *list;
  size_t count, room;
} connections, sockets;

#define KEEP(which, kept)                                                          \
  do {                                                                             \
    if ((which).count == (which).room) {                                           \
      (which).room = (which).room ? (which).room * 2 : 8;                          \
      (which).list = nx_resize((which).list, (which).room * sizeof *(which).list); \
    }                                                                              \
    (which).list[(which).count++] = (kept);                                        \
  } while (0)

static void end_call(void) {
  for (size_t i = 0; i < connections.count; i++) {
    narthex_plugin_tcp_connection_drop_own(
        (narthex_plugin_tcp_own_connection_t){connections.list[i]});
  }
  for (size_t i = 0; i < sockets.count; i++) {
    narthex_plugin_udp_socket_drop_own((narthex_plugin_udp_own_socket_t){sockets.list[i]});
  }
  connections.count = sockets.count = 0;
  nx_end_call();
}

/* ---- Time and log ---- */

uint64_t nx_now_ms(void) { return narthex_plugin_clock_now(); }
uint64_t nx_monotonic_ns(void) { return narthex_plugin_clock_monotonic(); }
uint32_t nx_remaining_ms(void) { return narthex_plugin_clock_remaining(); }

nx_status nx_discipline(nx_timex *timex) {
  narthex_plugin_clock_timex_t told;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_clock_discipline(&told, &error)) return failed(&error);
  *timex = (nx_timex){.state = told.state,
                      .status = told.status,
                      .offset = told.offset,
                      .frequency = told.frequency,
                      .max_error = told.max_error,
                      .estimated_error = told.estimated_error,
                      .constant = told.constant,
                      .precision = told.precision,
                      .tolerance = told.tolerance,
                      .tick = told.tick,
                      .pps_frequency = told.pps_frequency,
                      .pps_jitter = told.pps_jitter,
                      .pps_shift = told.pps_shift,
                      .pps_stability = told.pps_stability,
                      .pps_jitter_exceeded = told.pps_jitter_exceeded,
                      .pps_calibrations = told.pps_calibrations,
                      .pps_errors = told.pps_errors,
                      .pps_stability_exceeded = told.pps_stability_exceeded,
                      .tai = told.tai};
  return NX_OK;
}

void nx_log(nx_level level, const char *message, const nx_label *fields, size_t count) {
  contract_tuple2_string_string_t *tuples = nx_alloc(count * sizeof *tuples);
  for (size_t i = 0; i < count; i++) {
    tuples[i] = (contract_tuple2_string_string_t){in(fields[i].name), in(fields[i].value)};
  }
  contract_string_t text = in(message);
  contract_list_tuple2_string_string_t list = {tuples, count};
  narthex_plugin_log_log((narthex_plugin_log_level_t)level, &text, &list);
}

/* ---- Secrets ---- */

nx_status nx_secret_get(const char *name, nx_secret *secret) {
  contract_string_t text = in(name);
  narthex_plugin_secrets_own_secret_t own;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_secrets_get(&text, &own, &error)) return failed(&error);
  secret->handle = own.__handle;
  return NX_OK;
}

static narthex_plugin_secrets_borrow_secret_t borrow_secret(nx_secret secret) {
  return narthex_plugin_secrets_borrow_secret((narthex_plugin_secrets_own_secret_t){secret.handle});
}

nx_status nx_secret_reveal(nx_secret secret, nx_text *text) {
  contract_string_t revealed;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_secrets_method_secret_reveal(borrow_secret(secret), &revealed, &error)) {
    return failed(&error);
  }
  text->length = revealed.len;
  text->data = out(revealed);
  return NX_OK;
}

/* ---- HTTP ---- */

static narthex_plugin_http_request_t outgoing(const nx_request *request) {
  narthex_plugin_http_tuple2_string_header_value_t *headers =
      nx_alloc(request->header_count * sizeof *headers);
  for (size_t i = 0; i < request->header_count; i++) {
    const nx_header *header = &request->headers[i];
    headers[i].f0 = in(header->name);
    narthex_plugin_http_header_value_t *value = &headers[i].f1;
    value->tag = (uint8_t)header->form;
    switch (header->form) {
      case NX_HEADER_PLAIN: value->val.plain = in(header->value); break;
      case NX_HEADER_BEARER: value->val.bearer = borrow_secret(header->secret); break;
      case NX_HEADER_BASIC:
        value->val.basic.f0 = in(header->value);
        value->val.basic.f1 = borrow_secret(header->secret);
        break;
      case NX_HEADER_SECRET: value->val.secret = borrow_secret(header->secret); break;
    }
  }
  return (narthex_plugin_http_request_t){
      .method = in(request->method ? request->method : "GET"),
      .url = in(request->url),
      .headers = {headers, request->header_count},
      .body = {request->body != NULL, bytes(request->body, request->body_length)},
      .timeout_ms = {request->timeout_ms != 0, request->timeout_ms},
      .tls = {request->tls != NULL, in(request->tls)},
  };
}

nx_status nx_http_send(const nx_request *request, nx_response *response) {
  narthex_plugin_http_request_t asked = outgoing(request);
  narthex_plugin_http_response_t answer;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_http_send(&asked, &answer, &error)) return failed(&error);
  response->status = answer.status;
  response->headers = pairs(answer.headers.ptr, answer.headers.len);
  response->header_count = answer.headers.len;
  response->body = (nx_text){nx_copy((const char *)answer.body.ptr, answer.body.len),
                             answer.body.len};
  narthex_plugin_http_response_free(&answer);
  return NX_OK;
}

nx_status nx_http_fetch(const nx_request *request, nx_stored *stored) {
  narthex_plugin_http_request_t asked = outgoing(request);
  narthex_plugin_http_stored_t answer;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_http_fetch(&asked, &answer, &error)) return failed(&error);
  *stored = (nx_stored){.status = answer.status,
                        .content_type = out(answer.content_type),
                        .length = answer.length,
                        .handle = answer.handle};
  return NX_OK;
}

/* ---- TCP ---- */

static narthex_plugin_tcp_borrow_connection_t borrow(nx_connection connection) {
  return narthex_plugin_tcp_borrow_connection(
      (narthex_plugin_tcp_own_connection_t){connection.handle});
}

nx_status nx_tcp_connect(const char *host, uint16_t port, const char *tls,
                         nx_connection *connection) {
  contract_string_t name = in(host), profile = in(tls);
  narthex_plugin_tcp_own_connection_t own;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_tcp_connect(&name, port, tls ? &profile : NULL, &own, &error)) {
    return failed(&error);
  }
  connection->handle = own.__handle;
  KEEP(connections, own.__handle);
  return NX_OK;
}

nx_status nx_tcp_write(nx_connection connection, const void *data, size_t length) {
  contract_list_u8_t list = bytes(data, length);
  narthex_plugin_types_error_t error;
  bool ok = narthex_plugin_tcp_method_connection_write(borrow(connection), &list, &error);
  return ok ? NX_OK : failed(&error);
}

nx_status nx_tcp_write_secret(nx_connection connection, const char *prefix, nx_secret secret,
                              const char *suffix) {
  contract_list_u8_t before = bytes(prefix, strlen(prefix));
  contract_list_u8_t after = bytes(suffix, strlen(suffix));
  narthex_plugin_types_error_t error;
  bool ok = narthex_plugin_tcp_method_connection_write_secret(
      borrow(connection), &before, borrow_secret(secret), &after, &error);
  return ok ? NX_OK : failed(&error);
}

nx_status nx_tcp_read(nx_connection connection, uint32_t max, nx_text *text) {
  contract_list_u8_t data;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_tcp_method_connection_read(borrow(connection), max, &data, &error)) {
    return failed(&error);
  }
  *text = out_bytes(data);
  return NX_OK;
}

nx_status nx_tcp_read_until(nx_connection connection, const char *delimiter, uint32_t max,
                            nx_text *text) {
  contract_list_u8_t data, end = bytes(delimiter, strlen(delimiter));
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_tcp_method_connection_read_until(borrow(connection), &end, max, &data,
                                                       &error)) {
    return failed(&error);
  }
  *text = out_bytes(data);
  return NX_OK;
}

nx_status nx_tcp_read_exact(nx_connection connection, uint32_t count, nx_text *text) {
  contract_list_u8_t data;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_tcp_method_connection_read_exact(borrow(connection), count, &data, &error)) {
    return failed(&error);
  }
  *text = out_bytes(data);
  return NX_OK;
}

nx_status nx_tcp_start_tls(nx_connection connection, const char *profile,
                           const char *server_name) {
  contract_string_t name = in(profile), server = in(server_name);
  narthex_plugin_types_error_t error;
  bool ok = narthex_plugin_tcp_method_connection_start_tls(
      borrow(connection), &name, server_name ? &server : NULL, &error);
  return ok ? NX_OK : failed(&error);
}

const char *nx_tcp_peer(nx_connection connection) {
  contract_string_t peer;
  narthex_plugin_tcp_method_connection_peer(borrow(connection), &peer);
  return out(peer);
}

void nx_tcp_close(nx_connection connection) {
  for (size_t i = 0; i < connections.count; i++) {
    if (connections.list[i] != connection.handle) continue;
    connections.list[i] = connections.list[--connections.count];
    narthex_plugin_tcp_connection_drop_own(
        (narthex_plugin_tcp_own_connection_t){connection.handle});
    return;
  }
}

/* ---- UDP, ICMP, names ---- */

static narthex_plugin_udp_borrow_socket_t borrow_socket(nx_socket socket) {
  return narthex_plugin_udp_borrow_socket((narthex_plugin_udp_own_socket_t){socket.handle});
}

nx_status nx_udp_connect(const char *host, uint16_t port, nx_socket *socket) {
  contract_string_t name = in(host);
  narthex_plugin_udp_own_socket_t own;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_udp_connect(&name, port, &own, &error)) return failed(&error);
  socket->handle = own.__handle;
  KEEP(sockets, own.__handle);
  return NX_OK;
}

nx_status nx_udp_send(nx_socket socket, const void *data, size_t length) {
  contract_list_u8_t list = bytes(data, length);
  narthex_plugin_types_error_t error;
  bool ok = narthex_plugin_udp_method_socket_send(borrow_socket(socket), &list, &error);
  return ok ? NX_OK : failed(&error);
}

nx_status nx_udp_receive(nx_socket socket, uint32_t max, nx_text *datagram) {
  contract_list_u8_t data;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_udp_method_socket_receive(borrow_socket(socket), max, &data, &error)) {
    return failed(&error);
  }
  *datagram = out_bytes(data);
  return NX_OK;
}

nx_status nx_ping(const char *host, uint16_t payload_bytes, const char **address,
                  uint64_t *nanoseconds) {
  contract_string_t name = in(host);
  narthex_plugin_icmp_reply_t reply;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_icmp_ping(&name, payload_bytes, &reply, &error)) return failed(&error);
  *nanoseconds = reply.nanoseconds;
  *address = out(reply.address);
  return NX_OK;
}

nx_status nx_resolve(const char *host, const char ***addresses, size_t *count) {
  contract_string_t name = in(host);
  contract_list_string_t list;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_names_resolve(&name, &list, &error)) return failed(&error);
  *addresses = out_list(list, count);
  return NX_OK;
}

/* ---- Files and state ---- */

nx_status nx_file_read(const char *path, nx_text *content) {
  contract_string_t name = in(path);
  contract_list_u8_t data;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_files_read(&name, &data, &error)) return failed(&error);
  *content = out_bytes(data);
  return NX_OK;
}

nx_status nx_file_entries(const char *path, const char ***names, size_t *count) {
  contract_string_t name = in(path);
  contract_list_string_t list;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_files_entries(&name, &list, &error)) return failed(&error);
  *names = out_list(list, count);
  return NX_OK;
}

nx_status nx_file_link(const char *path, const char **target) {
  contract_string_t name = in(path), link;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_files_link(&name, &link, &error)) return failed(&error);
  *target = out(link);
  return NX_OK;
}

nx_status nx_state_get(const char *key, nx_text *value, bool *found) {
  contract_string_t name = in(key);
  contract_option_list_u8_t data;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_state_get(&name, &data, &error)) return failed(&error);
  *found = data.is_some;
  *value = data.is_some ? out_bytes(data.val) : (nx_text){nx_copy("", 0), 0};
  return NX_OK;
}

nx_status nx_state_set(const char *key, const void *value, size_t length) {
  contract_string_t name = in(key);
  contract_list_u8_t data = bytes(value, length);
  narthex_plugin_types_error_t error;
  return narthex_plugin_state_set(&name, &data, &error) ? NX_OK : failed(&error);
}

/* ---- Kubernetes ---- */

nx_status nx_watch_open(const char *api_version, const char *kind, const char *name_space,
                        const char *label_selector, nx_watch *watch) {
  contract_string_t version = in(api_version), what = in(kind), space = in(name_space),
                    selector = in(label_selector);
  narthex_plugin_kubernetes_own_watch_t own;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_kubernetes_open(&version, &what, name_space ? &space : NULL,
                                      label_selector ? &selector : NULL, &own, &error)) {
    return failed(&error);
  }
  watch->handle = own.__handle;
  return NX_OK;
}

static narthex_plugin_kubernetes_borrow_watch_t borrow_watch(nx_watch watch) {
  return narthex_plugin_kubernetes_borrow_watch(
      (narthex_plugin_kubernetes_own_watch_t){watch.handle});
}

nx_status nx_watch_drain(nx_watch watch, uint32_t max, const nx_event **events, size_t *count) {
  narthex_plugin_kubernetes_list_event_t list;
  narthex_plugin_types_error_t error;
  if (!narthex_plugin_kubernetes_method_watch_drain(borrow_watch(watch), max, &list, &error)) {
    return failed(&error);
  }
  nx_event *drained = nx_alloc(list.len * sizeof *drained);
  for (size_t i = 0; i < list.len; i++) {
    contract_string_t object = list.ptr[i].object;
    drained[i] = (nx_event){(nx_change)list.ptr[i].change,
                            nx_copy((const char *)object.ptr, object.len)};
  }
  *events = drained;
  *count = list.len;
  narthex_plugin_kubernetes_list_event_free(&list);
  return NX_OK;
}

bool nx_watch_synced(nx_watch watch) {
  return narthex_plugin_kubernetes_method_watch_synced(borrow_watch(watch));
}

/* ---- What the host calls ---- */

__attribute__((weak)) nx_status plugin_health(void) { return NX_OK; }
__attribute__((weak)) void plugin_shutdown(void) {}
__attribute__((weak)) nx_status plugin_reconfigure(const char *config, bool *taken) {
  (void)config;
  *taken = false;
  return NX_OK;
}

static bool ended(nx_status status, narthex_plugin_types_error_t *error) {
  if (status != NX_OK) fail_with(status, error);
  end_call();
  return status == NX_OK;
}

bool exports_narthex_plugin_lifecycle_init(contract_string_t *config,
                                           narthex_plugin_types_error_t *error) {
  nx_fail(NX_OK, "%s", "");
  return ended(plugin_init(out(*config)), error);
}

bool exports_narthex_plugin_lifecycle_reconfigure(contract_string_t *config, bool *taken,
                                                  narthex_plugin_types_error_t *error) {
  nx_fail(NX_OK, "%s", "");
  *taken = true;
  return ended(plugin_reconfigure(out(*config), taken), error);
}

void exports_narthex_plugin_lifecycle_health(
    exports_narthex_plugin_lifecycle_health_status_t *status) {
  nx_fail(NX_OK, "%s", "");
  status->ready = plugin_health() == NX_OK;
  status->message = give(status->ready ? "" : nx_error_text());
  end_call();
}

void exports_narthex_plugin_lifecycle_shutdown(void) {
  plugin_shutdown();
  end_call();
}

#ifdef NARTHEX_WORLD_EXPORTER
/* Hands the batch's lists over; the bindings free them after the call. */
static void hand_over(nx_batch *batch, narthex_plugin_types_payload_t *payload) {
  payload->tag = (uint8_t)batch->form;
  if (batch->form == NX_PAYLOAD_EXPOSITION) {
    payload->val.exposition.f0 =
        (contract_string_t){(uint8_t *)batch->content_type, strlen(batch->content_type)};
    payload->val.exposition.f1 = bytes(batch->exposition, batch->exposition_length);
    if (*batch->content_type) batch->content_type = NULL;
    if (batch->exposition_length) batch->exposition = NULL;
    return;
  }
  if (batch->form == NX_PAYLOAD_RESPONSE) {
    payload->val.response = batch->response;
    return;
  }
  narthex_plugin_types_batch_t *to = &payload->val.batch;
  to->symbols.len = batch->symbols.count;
  to->symbols.ptr = nx_resize(NULL, batch->symbols.count * sizeof *to->symbols.ptr);
  for (size_t i = 0; i < batch->symbols.count; i++) {
    /* The bindings free no empty text, so that one stays the batch's. */
    to->symbols.ptr[i] =
        (contract_string_t){(uint8_t *)batch->symbols.list[i], batch->symbols.lengths[i]};
    if (batch->symbols.lengths[i]) batch->symbols.list[i] = NULL;
  }
  to->families.len = batch->families.count;
  to->families.ptr = NULL;
  if (batch->families.count) {
    to->families.ptr = nx_resize(NULL, batch->families.count * sizeof *to->families.ptr);
  }
  for (size_t i = 0; i < batch->families.count; i++) {
    const nx_family_entry *family = &batch->families.list[i];
    to->families.ptr[i] = (narthex_plugin_types_family_t){
        family->name, family->help, family->unit, (uint8_t)family->kind, family->samples};
  }
  /* An empty list is nobody's to free, so those stay the batch's too. */
#define HAND(field)                                   \
  do {                                                \
    to->field.ptr = batch->field.list;                \
    to->field.len = batch->field.count;               \
    if (batch->field.count) batch->field.list = NULL; \
  } while (0)
  HAND(label_counts);
  HAND(labels);
  HAND(values);
  HAND(timestamps);
}

bool exports_narthex_plugin_collector_collect(exports_narthex_plugin_collector_target_t *target,
                                              narthex_plugin_types_payload_t *payload,
                                              narthex_plugin_types_error_t *error) {
  nx_fail(NX_OK, "%s", "");
  nx_target what = {
      .address = nx_copy((const char *)target->address.ptr, target->address.len),
      .labels = pairs(target->labels.ptr, target->labels.len),
      .label_count = target->labels.len,
      .params = pairs(target->params.ptr, target->params.len),
      .param_count = target->params.len,
  };
  exports_narthex_plugin_collector_target_free(target);
  nx_batch batch;
  nx_batch_begin(&batch);
  nx_status status = plugin_collect(&what, &batch);
  if (status == NX_OK) hand_over(&batch, payload);
  bool ok = ended(status, error);
  nx_batch_end(&batch);
  return ok;
}
#endif

#ifdef NARTHEX_WORLD_DISCOVERY
struct nx_groups {
  exports_narthex_plugin_discoverer_group_t *list;
  size_t count, room, target_room;
};

static narthex_plugin_types_labels_t labels_out(const nx_label *labels, size_t count) {
  narthex_plugin_types_labels_t made = {NULL, count};
  if (count) made.ptr = nx_resize(NULL, count * sizeof *made.ptr);
  for (size_t i = 0; i < count; i++) {
    made.ptr[i].f0 = give(labels[i].name);
    made.ptr[i].f1 = give(labels[i].value);
  }
  return made;
}

void nx_group(nx_groups *groups, const char *source, const nx_label *labels, size_t count) {
  exports_narthex_plugin_discoverer_group_t group = {.source = give(source),
                                                      .labels = labels_out(labels, count)};
  KEEP(*groups, group);
  groups->target_room = 0;
}

void nx_group_target(nx_groups *groups, const nx_label *labels, size_t count) {
  if (!groups->count) nx_group(groups, "", NX_NO_LABELS);
  exports_narthex_plugin_discoverer_group_t *group = &groups->list[groups->count - 1];
  if (group->targets.len == groups->target_room) {
    groups->target_room = groups->target_room ? groups->target_room * 2 : 16;
    group->targets.ptr =
        nx_resize(group->targets.ptr, groups->target_room * sizeof *group->targets.ptr);
  }
  group->targets.ptr[group->targets.len++] = labels_out(labels, count);
}

bool exports_narthex_plugin_discoverer_refresh(
    exports_narthex_plugin_discoverer_list_group_t *list, narthex_plugin_types_error_t *error) {
  nx_fail(NX_OK, "%s", "");
  nx_groups groups = {0};
  nx_status status = plugin_refresh(&groups);
  *list = (exports_narthex_plugin_discoverer_list_group_t){groups.list, groups.count};
  if (status != NX_OK) exports_narthex_plugin_discoverer_list_group_free(list);
  return ended(status, error);
}
#endif

#ifdef NARTHEX_WORLD_RECEIVER
static const char *text_of(contract_string_t text) {
  return nx_copy((const char *)text.ptr, text.len);
}

bool exports_narthex_plugin_notifier_notify(
    exports_narthex_plugin_notifier_notification_t *incoming,
    exports_narthex_plugin_notifier_outcome_t *result, narthex_plugin_types_error_t *error) {
  nx_fail(NX_OK, "%s", "");
  nx_alert *alerts = nx_alloc(incoming->alerts.len * sizeof *alerts);
  for (size_t i = 0; i < incoming->alerts.len; i++) {
    const exports_narthex_plugin_notifier_alert_t *alert = &incoming->alerts.ptr[i];
    alerts[i] = (nx_alert){
        .firing = alert->firing,
        .fingerprint = text_of(alert->fingerprint),
        .labels = pairs(alert->labels.ptr, alert->labels.len),
        .label_count = alert->labels.len,
        .annotations = pairs(alert->annotations.ptr, alert->annotations.len),
        .annotation_count = alert->annotations.len,
        .starts_at_ms = alert->starts_at,
        .ends_at_ms = alert->ends_at.is_some ? alert->ends_at.val : 0,
        .generator_url = text_of(alert->generator_url),
    };
  }
  nx_notification notification = {
      .group_key = text_of(incoming->group_key),
      .receiver = text_of(incoming->receiver),
      .group_labels = pairs(incoming->group_labels.ptr, incoming->group_labels.len),
      .group_label_count = incoming->group_labels.len,
      .common_labels = pairs(incoming->common_labels.ptr, incoming->common_labels.len),
      .common_label_count = incoming->common_labels.len,
      .common_annotations =
          pairs(incoming->common_annotations.ptr, incoming->common_annotations.len),
      .common_annotation_count = incoming->common_annotations.len,
      .external_url = text_of(incoming->external_url),
      .truncated = incoming->truncated,
      .alerts = alerts,
      .alert_count = incoming->alerts.len,
  };
  exports_narthex_plugin_notifier_notification_free(incoming);
  nx_outcome outcome = {NX_DELIVERED, 0, ""};
  nx_status status = plugin_notify(&notification, &outcome);
  result->tag = (uint8_t)outcome.form;
  if (outcome.form == NX_RETRY) {
    result->val.retry.is_some = outcome.retry_after_s != 0;
    result->val.retry.val = outcome.retry_after_s;
  } else if (outcome.form == NX_REJECTED) {
    result->val.rejected = give(outcome.reason);
  }
  return ended(status, error);
}
#endif
