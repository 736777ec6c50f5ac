/* Memory, errors, JSON fields and addresses: what needs no host. */
#include "narthex_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Memory ---- */

typedef struct block {
  struct block *before;
} block;

static block *blocks;

void *nx_resize(void *memory, size_t size) {
  void *resized = realloc(memory, size ? size : 1);
  /* The host ends the instance: there is no going on without memory. */
  if (!resized) abort();
  return resized;
}

void *nx_alloc(size_t size) {
  /* max_align_t is larger than the header on some machines. */
  size_t header = sizeof(block) > _Alignof(max_align_t) ? sizeof(block) : _Alignof(max_align_t);
  block *made = nx_resize(NULL, header + size);
  made->before = blocks;
  blocks = made;
  return memset((char *)made + header, 0, size);
}

void nx_end_call(void) {
  while (blocks) {
    block *last = blocks;
    blocks = last->before;
    free(last);
  }
}

char *nx_copy(const char *data, size_t length) {
  char *copy = nx_alloc(length + 1);
  if (length) memcpy(copy, data, length);
  return copy;
}

char *nx_format(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length < 0) return nx_copy("", 0);
  char *text = nx_alloc((size_t)length + 1);
  va_start(arguments, format);
  vsnprintf(text, (size_t)length + 1, format, arguments);
  va_end(arguments);
  return text;
}

/* ---- Errors ---- */

static char error_text[4096];

nx_status nx_fail(nx_status status, const char *format, ...) {
  /* The text may be made of the last one. */
  char text[sizeof error_text];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  memcpy(error_text, text, sizeof text);
  return status;
}

const char *nx_error_text(void) { return error_text; }

/* ---- Pairs and addresses ---- */

const char *nx_value(const nx_label *pairs, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++) {
    if (!strcmp(pairs[i].name, name)) return pairs[i].value;
  }
  return NULL;
}

nx_status nx_host_port(const char *address, const char **host, uint16_t *port) {
  const char *colon = strrchr(address, ':');
  char *end = NULL;
  unsigned long number = colon ? strtoul(colon + 1, &end, 10) : 0;
  bool is_number = colon && colon[1] >= '0' && colon[1] <= '9' && *end == 0 && number <= 65535;
  size_t length = colon ? (size_t)(colon - address) : 0;
  const char *start = address;
  bool has_brackets = length > 2 && address[0] == '[' && colon[-1] == ']';
  if (has_brackets) {
    start++;
    length -= 2;
  }
  if (!is_number || !length || (!has_brackets && memchr(start, ':', length))) {
    return nx_fail(NX_CONFIG, "the target's address \"%s\" is not host:port", address);
  }
  *host = nx_copy(start, length);
  *port = (uint16_t)number;
  return NX_OK;
}

/* ---- What is made of other calls ---- */

nx_status nx_http_get(const char *url, nx_response *response) {
  nx_request request = {.url = url};
  return nx_http_send(&request, response);
}

nx_status nx_tcp_puts(nx_connection connection, const char *text) {
  return nx_tcp_write(connection, text, strlen(text));
}

nx_status nx_tcp_read_line(nx_connection connection, nx_text *line) {
  nx_status status = nx_tcp_read_until(connection, "\n", NX_LINE_BYTES_MAX, line);
  if (status != NX_OK) return status;
  line->data[--line->length] = 0;
  if (line->length && line->data[line->length - 1] == '\r') line->data[--line->length] = 0;
  return NX_OK;
}

/* ---- JSON ---- */

/* The deepest nesting that is read; the host has checked the text already. */
#define JSON_DEPTH_MAX 64

static const char *blank(const char *at) {
  while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') at++;
  return at;
}

/* After a string that begins at the quote; NULL where it does not end. */
static const char *after_string(const char *at) {
  for (at++; *at; at++) {
    if (*at == '\\' && at[1]) {
      at++;
    } else if (*at == '"') {
      return at + 1;
    }
  }
  return NULL;
}

/* After any value; NULL where it is none. */
static const char *after_value(const char *at) {
  if (*at == '"') return after_string(at);
  int depth = 0;
  do {
    if (*at == '"') {
      if (!(at = after_string(at))) return NULL;
      continue;
    }
    if (*at == '{' || *at == '[') {
      if (++depth > JSON_DEPTH_MAX) return NULL;
    } else if (*at == '}' || *at == ']') {
      if (depth == 0) return at;
      depth--;
    } else if (!*at || (depth == 0 && (*at == ',' || *at == ' ' || *at == '\n'))) {
      return depth ? NULL : at;
    }
    at++;
  } while (depth || (*at && *at != ',' && *at != '}' && *at != ']'));
  return at;
}

static void put_utf8(char **out, uint32_t code) {
  if (code < 0x80) {
    *(*out)++ = (char)code;
    return;
  }
  int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  *(*out)++ = (char)(((0xff00 >> (more + 1)) & 0xff) | (code >> (6 * more)));
  while (more--) *(*out)++ = (char)(0x80 | ((code >> (6 * more)) & 0x3f));
}

static bool hex4(const char *at, uint32_t *code) {
  *code = 0;
  for (int i = 0; i < 4; i++) {
    char c = at[i];
    uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                     : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                            : 16;
    if (digit > 15) return false;
    *code = *code << 4 | digit;
  }
  return true;
}

/* A string without its escapes. It is never longer than it was written. */
static char *plain(const char *at, const char *end) {
  char *text = nx_alloc((size_t)(end - at) + 1), *out = text;
  for (at++; at < end - 1; at++) {
    if (*at != '\\') {
      *out++ = *at;
      continue;
    }
    uint32_t code, low;
    switch (*++at) {
      case 'b': *out++ = '\b'; break;
      case 'f': *out++ = '\f'; break;
      case 'n': *out++ = '\n'; break;
      case 'r': *out++ = '\r'; break;
      case 't': *out++ = '\t'; break;
      case 'u':
        if (!hex4(at + 1, &code)) break;
        at += 4;
        if (code >= 0xd800 && code < 0xdc00 && at[1] == '\\' && at[2] == 'u' && hex4(at + 3, &low) &&
            low >= 0xdc00 && low < 0xe000) {
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          at += 6;
        }
        /* Half a pair is no character. */
        if (code >= 0xd800 && code < 0xe000) code = 0xfffd;
        put_utf8(&out, code);
        break;
      default: *out++ = *at;
    }
  }
  return text;
}

/* The value of a field of the outermost object; NULL where it is not there. */
static const char *field_of(const char *json, const char *field) {
  const char *at = blank(json);
  if (*at++ != '{') return NULL;
  for (at = blank(at); *at == '"'; at = blank(at)) {
    const char *end = after_string(at);
    if (!end) return NULL;
    bool found = !strcmp(plain(at, end), field);
    at = blank(end);
    if (*at++ != ':') return NULL;
    at = blank(at);
    if (found) return at;
    if (!(at = after_value(at))) return NULL;
    at = blank(at);
    if (*at == ',') at++;
  }
  return NULL;
}

static nx_status not_a(const char *what, const char *field) {
  return nx_fail(NX_CONFIG, "plugin_config: \"%s\" is not a %s", field, what);
}

nx_status nx_json_string(const char *json, const char *field, const char **value) {
  const char *at = field_of(json, field);
  if (!at) return NX_OK;
  const char *end = *at == '"' ? after_string(at) : NULL;
  if (!end) return not_a("text", field);
  *value = plain(at, end);
  return NX_OK;
}

nx_status nx_json_number(const char *json, const char *field, double *value) {
  const char *at = field_of(json, field);
  if (!at) return NX_OK;
  char *end;
  double number = strtod(at, &end);
  if (end == at || !(*at == '-' || (*at >= '0' && *at <= '9'))) return not_a("number", field);
  *value = number;
  return NX_OK;
}

nx_status nx_json_bool(const char *json, const char *field, bool *value) {
  const char *at = field_of(json, field);
  if (!at) return NX_OK;
  bool is_true = !strncmp(at, "true", 4);
  if (!is_true && strncmp(at, "false", 5)) return not_a("true or false", field);
  *value = is_true;
  return NX_OK;
}
