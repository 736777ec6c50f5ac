/* A host for unit tests; see narthex_fake.h. */
#include "narthex_fake.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "narthex_internal.h"

/* So many things of each kind can be given; more end the test. */
#define THINGS_MAX 256

/* A name and a text; a response also has a status, an open connection has a place in the text. */
typedef struct {
  char *name, *text;
  int status;
  size_t at;
} thing;

typedef struct {
  thing list[THINGS_MAX];
  size_t count;
} things;

static things files, responses, dialogues, secrets, states, open;
static uint64_t now_ms;
static nx_timex disciplined;
static bool is_disciplined;
static char *written, *logged;

static char *keep(const char *text) {
  size_t size = strlen(text) + 1;
  return memcpy(nx_resize(NULL, size), text, size);
}

static thing *find(things *all, const char *name) {
  for (size_t i = 0; i < all->count; i++) {
    if (!strcmp(all->list[i].name, name)) return &all->list[i];
  }
  return NULL;
}

static thing *put(things *all, const char *name, const char *text) {
  if (all->count == THINGS_MAX) {
    fprintf(stderr, "narthex_fake: more than %d things\n", THINGS_MAX);
    abort();
  }
  thing *made = &all->list[all->count++];
  *made = (thing){.name = keep(name), .text = keep(text)};
  return made;
}

static void clear(things *all) {
  while (all->count) {
    thing *last = &all->list[--all->count];
    free(last->name);
    free(last->text);
  }
}

static void append(char **to, const char *text) {
  size_t before = *to ? strlen(*to) : 0, more = strlen(text) + 1;
  *to = nx_resize(*to, before + more);
  memcpy(*to + before, text, more);
}

void nx_fake_reset(void) {
  things *all[] = {&files, &responses, &dialogues, &secrets, &states, &open};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) clear(all[i]);
  free(written);
  free(logged);
  written = logged = NULL;
  now_ms = 0;
  is_disciplined = false;
  nx_end_call();
}

void nx_fake_now(uint64_t ms) { now_ms = ms; }

void nx_fake_timex(const nx_timex *timex) {
  disciplined = *timex;
  is_disciplined = true;
}

void nx_fake_file(const char *path, const char *content) { put(&files, path, content); }
void nx_fake_dialogue(const char *address, const char *text) { put(&dialogues, address, text); }
void nx_fake_secret(const char *name, const char *text) { put(&secrets, name, text); }

void nx_fake_response(const char *method_and_url, int status, const char *body) {
  put(&responses, method_and_url, body)->status = status;
}

const char *nx_fake_written(void) { return written ? written : ""; }
const char *nx_fake_logged(void) { return logged ? logged : ""; }

/* ---- Samples as text ---- */

/* The shortest text that reads as the same number. */
static const char *number(double value) {
  if (isnan(value)) return "NaN";
  if (isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  const char *text = "";
  for (int digits = 15; digits <= 17; digits++) {
    text = nx_format("%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  return text;
}

static const char *quoted(const char *text) {
  char *out = nx_alloc(2 * strlen(text) + 1), *at = out;
  for (; *text; text++) {
    if (*text == '\\' || *text == '"' || *text == '\n') *at++ = '\\';
    *at++ = *text == '\n' ? 'n' : *text;
  }
  return out;
}

const char *nx_fake_text(const nx_batch *batch) {
  if (batch->form == NX_PAYLOAD_EXPOSITION) {
    return nx_copy(batch->exposition, batch->exposition_length);
  }
  const char *text = "";
  size_t sample = 0, pair = 0;
  for (size_t f = 0; f < batch->families.count; f++) {
    const nx_family_entry *family = &batch->families.list[f];
    for (uint32_t i = 0; i < family->samples; i++, sample++) {
      const char *name = batch->symbols.list[family->name], *labels = "";
      for (uint32_t l = 0; l < batch->label_counts.list[sample]; l++, pair += 2) {
        const char *key = batch->symbols.list[batch->labels.list[pair]];
        const char *value = batch->symbols.list[batch->labels.list[pair + 1]];
        if (!strcmp(key, "__name__")) {
          name = value;
        } else {
          labels = nx_format("%s%s%s=\"%s\"", labels, *labels ? "," : "", key, quoted(value));
        }
      }
      const char *braced = *labels ? nx_format("{%s}", labels) : "";
      text = nx_format("%s%s%s %s\n", text, name, braced, number(batch->values.list[sample]));
    }
  }
  return text;
}

nx_status nx_fake_collect(const char *address, const char **samples) {
  nx_target target = {.address = address};
  nx_batch batch;
  nx_batch_begin(&batch);
  nx_status status = plugin_collect(&target, &batch);
  *samples = nx_fake_text(&batch);
  nx_batch_end(&batch);
  return status;
}

/* ---- The ways out ---- */

uint64_t nx_now_ms(void) { return now_ms; }
uint64_t nx_monotonic_ns(void) { return now_ms * 1000000; }
uint32_t nx_remaining_ms(void) { return 10000; }

void nx_log(nx_level level, const char *message, const nx_label *fields, size_t count) {
  static const char *const levels[] = {"trace", "debug", "info", "warn", "error"};
  append(&logged, nx_format("%s %s", levels[level], message));
  for (size_t i = 0; i < count; i++) {
    append(&logged, nx_format(" %s=\"%s\"", fields[i].name, quoted(fields[i].value)));
  }
  append(&logged, "\n");
}

static nx_status missing(const char *kind, const char *name) {
  return nx_fail(NX_UNAVAILABLE, "the test has given no %s %s", kind, name);
}

nx_status nx_discipline(nx_timex *timex) {
  if (!is_disciplined) return missing("timex", "");
  *timex = disciplined;
  return NX_OK;
}

static nx_text text_of(const char *text, size_t length) {
  return (nx_text){nx_copy(text, length), length};
}

nx_status nx_secret_get(const char *name, nx_secret *secret) {
  thing *found = find(&secrets, name);
  if (!found) return nx_fail(NX_DENIED, "no secret is named %s", name);
  secret->handle = (int32_t)(found - secrets.list);
  return NX_OK;
}

nx_status nx_secret_reveal(nx_secret secret, nx_text *text) {
  const char *revealed = secrets.list[secret.handle].text;
  *text = text_of(revealed, strlen(revealed));
  return NX_OK;
}

nx_status nx_http_send(const nx_request *request, nx_response *response) {
  const char *line = nx_format("%s %s", request->method ? request->method : "GET", request->url);
  append(&written, nx_format("%s\n", line));
  for (size_t i = 0; i < request->header_count; i++) {
    const nx_header *header = &request->headers[i];
    const char *secret = header->form ? secrets.list[header->secret.handle].text : "";
    const char *value = header->value ? header->value : "";
    const char *const forms[] = {value, nx_format("Bearer %s", secret),
                                 nx_format("Basic %s:%s", value, secret), secret};
    append(&written, nx_format("%s: %s\n", header->name, forms[header->form]));
  }
  if (request->body) append(&written, nx_copy(request->body, request->body_length));
  thing *found = find(&responses, line);
  if (!found) return missing("response", line);
  *response = (nx_response){.status = found->status,
                            .body = text_of(found->text, strlen(found->text))};
  return NX_OK;
}

nx_status nx_http_fetch(const nx_request *request, nx_stored *stored) {
  nx_response response;
  nx_status status = nx_http_send(request, &response);
  if (status != NX_OK) return status;
  *stored = (nx_stored){response.status, "text/plain", response.body.length, 1};
  return NX_OK;
}

nx_status nx_tcp_connect(const char *host, uint16_t port, const char *tls,
                         nx_connection *connection) {
  (void)tls;
  bool is_v6 = strchr(host, ':') != NULL;
  const char *address = nx_format(is_v6 ? "[%s]:%u" : "%s:%u", host, port);
  thing *found = find(&dialogues, address);
  if (!found) return nx_fail(NX_UNAVAILABLE, "%s: connection refused", address);
  put(&open, host, found->text);
  connection->handle = (int32_t)open.count - 1;
  return NX_OK;
}

nx_status nx_tcp_write(nx_connection connection, const void *data, size_t length) {
  (void)connection;
  append(&written, nx_copy(data, length));
  return NX_OK;
}

nx_status nx_tcp_write_secret(nx_connection connection, const char *prefix, nx_secret secret,
                              const char *suffix) {
  (void)connection;
  append(&written, nx_format("%s%s%s", prefix, secrets.list[secret.handle].text, suffix));
  return NX_OK;
}

static nx_status take(nx_connection connection, size_t count, nx_text *text) {
  thing *dialogue = &open.list[connection.handle];
  *text = text_of(dialogue->text + dialogue->at, count);
  dialogue->at += count;
  return NX_OK;
}

static const char *rest_of(nx_connection connection) {
  return open.list[connection.handle].text + open.list[connection.handle].at;
}

nx_status nx_tcp_read(nx_connection connection, uint32_t max, nx_text *text) {
  size_t rest = strlen(rest_of(connection));
  return take(connection, rest < max ? rest : max, text);
}

nx_status nx_tcp_read_until(nx_connection connection, const char *delimiter, uint32_t max,
                            nx_text *text) {
  const char *rest = rest_of(connection), *at = strstr(rest, delimiter);
  if (!at && strlen(rest) <= max) return nx_fail(NX_UNAVAILABLE, "the connection was closed");
  size_t count = at ? (size_t)(at - rest) + strlen(delimiter) : 0;
  if (!at || count > max) return nx_fail(NX_PROTOCOL, "no delimiter in %u bytes", max);
  return take(connection, count, text);
}

nx_status nx_tcp_read_exact(nx_connection connection, uint32_t count, nx_text *text) {
  if (strlen(rest_of(connection)) < count) {
    return nx_fail(NX_UNAVAILABLE, "the connection was closed");
  }
  return take(connection, count, text);
}

nx_status nx_tcp_start_tls(nx_connection connection, const char *profile,
                           const char *server_name) {
  (void)connection, (void)profile, (void)server_name;
  return NX_OK;
}

const char *nx_tcp_peer(nx_connection connection) { return open.list[connection.handle].name; }
void nx_tcp_close(nx_connection connection) { (void)connection; }

nx_status nx_udp_connect(const char *host, uint16_t port, nx_socket *socket) {
  nx_connection connection;
  nx_status status = nx_tcp_connect(host, port, NULL, &connection);
  if (status == NX_OK) socket->handle = connection.handle;
  return status;
}

nx_status nx_udp_send(nx_socket socket, const void *data, size_t length) {
  return nx_tcp_write((nx_connection){socket.handle}, data, length);
}

nx_status nx_udp_receive(nx_socket socket, uint32_t max, nx_text *datagram) {
  return nx_tcp_read((nx_connection){socket.handle}, max, datagram);
}

nx_status nx_ping(const char *host, uint16_t payload_bytes, const char **address,
                  uint64_t *nanoseconds) {
  (void)payload_bytes, (void)address, (void)nanoseconds;
  return missing("reply of", host);
}

nx_status nx_resolve(const char *host, const char ***addresses, size_t *count) {
  (void)addresses, (void)count;
  return missing("address of", host);
}

nx_status nx_file_read(const char *path, nx_text *content) {
  thing *found = find(&files, path);
  if (!found) return missing("file", path);
  *content = text_of(found->text, strlen(found->text));
  return NX_OK;
}

static int by_name(const void *one, const void *other) {
  return strcmp(*(const char *const *)one, *(const char *const *)other);
}

nx_status nx_file_entries(const char *path, const char ***names, size_t *count) {
  size_t length = strlen(path);
  const char **found = nx_alloc(files.count * sizeof *found);
  *count = 0;
  for (size_t i = 0; i < files.count; i++) {
    const char *file = files.list[i].name;
    if (strncmp(file, path, length) || file[length] != '/') continue;
    const char *name = nx_copy(file + length + 1, strcspn(file + length + 1, "/"));
    bool is_new = true;
    for (size_t j = 0; j < *count; j++) is_new = is_new && strcmp(found[j], name);
    if (is_new) found[(*count)++] = name;
  }
  if (!*count) return missing("folder", path);
  qsort(found, *count, sizeof *found, by_name);
  *names = found;
  return NX_OK;
}

nx_status nx_file_link(const char *path, const char **target) {
  (void)target;
  return missing("link", path);
}

nx_status nx_state_get(const char *key, nx_text *value, bool *found) {
  thing *state = find(&states, key);
  *found = state && state->status;
  *value = *found ? text_of(state->text, strlen(state->text)) : text_of("", 0);
  return NX_OK;
}

nx_status nx_state_set(const char *key, const void *value, size_t length) {
  thing *state = find(&states, key);
  if (!state) state = put(&states, key, "");
  free(state->text);
  state->text = keep(nx_copy(value, length));
  state->status = length > 0;
  return NX_OK;
}

nx_status nx_watch_open(const char *api_version, const char *kind, const char *name_space,
                        const char *label_selector, nx_watch *watch) {
  (void)api_version, (void)name_space, (void)label_selector, (void)watch;
  return missing("watch of", kind);
}

nx_status nx_watch_drain(nx_watch watch, uint32_t max, const nx_event **events, size_t *count) {
  (void)watch, (void)max, (void)events, (void)count;
  return missing("watch", "");
}

bool nx_watch_synced(nx_watch watch) {
  (void)watch;
  return false;
}
