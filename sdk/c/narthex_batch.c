/* The batch, and the text format. */
#include "narthex_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more in one of the batch's lists. */
#define PUSH(which, item)                                                          \
  do {                                                                             \
    if ((which).count == (which).room) {                                           \
      (which).room = (which).room ? (which).room * 2 : 64;                         \
      (which).list = nx_resize((which).list, (which).room * sizeof *(which).list); \
    }                                                                              \
    (which).list[(which).count++] = (item);                                        \
  } while (0)

static size_t hash(const char *text, size_t length) {
  uint64_t state = 0xcbf29ce484222325u; /* FNV-1a */
  for (size_t i = 0; i < length; i++) state = (state ^ (unsigned char)text[i]) * 0x100000001b3u;
  return (size_t)(state ^ state >> 32);
}

static void rehash(nx_batch *batch) {
  free(batch->symbols.slots);
  batch->symbols.slot_count = batch->symbols.slot_count ? batch->symbols.slot_count * 2 : 256;
  size_t size = batch->symbols.slot_count * sizeof *batch->symbols.slots;
  batch->symbols.slots = memset(nx_resize(NULL, size), 0, size);
  for (size_t i = 0; i < batch->symbols.count; i++) {
    size_t slot = hash(batch->symbols.list[i], batch->symbols.lengths[i]);
    while (batch->symbols.slots[slot & (batch->symbols.slot_count - 1)]) slot++;
    batch->symbols.slots[slot & (batch->symbols.slot_count - 1)] = (uint32_t)i + 1;
  }
}

/* The index of a text; each is stored once. */
static uint32_t symbol(nx_batch *batch, const char *text, size_t length) {
  if (batch->symbols.count * 2 >= batch->symbols.slot_count) rehash(batch);
  size_t mask = batch->symbols.slot_count - 1, slot = hash(text, length) & mask;
  for (; batch->symbols.slots[slot]; slot = (slot + 1) & mask) {
    uint32_t index = batch->symbols.slots[slot] - 1;
    if (batch->symbols.lengths[index] == length &&
        !memcmp(batch->symbols.list[index], text, length)) {
      return index;
    }
  }
  uint32_t index = (uint32_t)batch->symbols.count;
  char *copy = nx_resize(NULL, length + 1);
  memcpy(copy, text, length);
  copy[length] = 0;
  if (batch->symbols.count == batch->symbols.room) {
    batch->symbols.lengths = nx_resize(batch->symbols.lengths,
                                       (batch->symbols.room ? batch->symbols.room * 2 : 64) *
                                           sizeof *batch->symbols.lengths);
  }
  batch->symbols.lengths[index] = length;
  PUSH(batch->symbols, copy);
  batch->symbols.slots[slot] = index + 1;
  return index;
}

static uint32_t text_symbol(nx_batch *batch, const char *text) {
  return symbol(batch, text ? text : "", text ? strlen(text) : 0);
}

void nx_batch_begin(nx_batch *batch) {
  memset(batch, 0, sizeof *batch);
  text_symbol(batch, "");
}

void nx_batch_end(nx_batch *batch) {
  for (size_t i = 0; batch->symbols.list && i < batch->symbols.count; i++) {
    free(batch->symbols.list[i]);
  }
  free(batch->symbols.list);
  free(batch->symbols.lengths);
  free(batch->symbols.slots);
  free(batch->families.list);
  free(batch->label_counts.list);
  free(batch->labels.list);
  free(batch->values.list);
  free(batch->timestamps.list);
  free(batch->content_type);
  free(batch->exposition);
  memset(batch, 0, sizeof *batch);
}

void nx_family(nx_batch *batch, nx_kind kind, const char *name, const char *help) {
  nx_family_entry family = {
      .name = text_symbol(batch, name), .help = text_symbol(batch, help), .kind = kind};
  PUSH(batch->families, family);
}

void nx_gauge(nx_batch *batch, const char *name, const char *help) {
  nx_family(batch, NX_GAUGE, name, help);
}

void nx_counter(nx_batch *batch, const char *name, const char *help) {
  nx_family(batch, NX_COUNTER, name, help);
}

/* In a batch where one sample has a time all have one. */
static void stamp(nx_batch *batch) {
  while (batch->timestamps.count < batch->values.count) {
    PUSH(batch->timestamps, (int64_t)nx_now_ms());
  }
}

static void push(nx_batch *batch, const char *name, double value, const nx_label *labels,
                 size_t count) {
  /* A sample before the first family would belong to none. */
  if (!batch->families.count) nx_family(batch, NX_UNKNOWN, name ? name : "", "");
  if (name) {
    PUSH(batch->labels, text_symbol(batch, "__name__"));
    PUSH(batch->labels, text_symbol(batch, name));
  }
  for (size_t i = 0; i < count; i++) {
    PUSH(batch->labels, text_symbol(batch, labels[i].name));
    PUSH(batch->labels, text_symbol(batch, labels[i].value));
  }
  PUSH(batch->label_counts, (uint32_t)count + (name ? 1 : 0));
  PUSH(batch->values, value);
  batch->families.list[batch->families.count - 1].samples++;
  if (batch->timestamps.count) stamp(batch);
}

void nx_sample(nx_batch *batch, double value, const nx_label *labels, size_t count) {
  push(batch, NULL, value, labels, count);
}

void nx_suffixed(nx_batch *batch, const char *suffix, double value, const nx_label *labels,
                 size_t count) {
  const char *family = "";
  if (batch->families.count) {
    family = batch->symbols.list[batch->families.list[batch->families.count - 1].name];
  }
  push(batch, nx_format("%s%s", family, suffix), value, labels, count);
}

void nx_at(nx_batch *batch, int64_t timestamp_ms) {
  if (!batch->values.count) return;
  stamp(batch);
  batch->timestamps.list[batch->values.count - 1] = timestamp_ms;
}

void nx_exposition(nx_batch *batch, const char *content_type, const void *data, size_t length) {
  free(batch->content_type);
  free(batch->exposition);
  size_t type_length = strlen(content_type);
  batch->content_type = memcpy(nx_resize(NULL, type_length + 1), content_type, type_length + 1);
  batch->exposition = nx_resize(NULL, length + 1);
  if (length) memcpy(batch->exposition, data, length);
  batch->exposition_length = length;
  batch->form = NX_PAYLOAD_EXPOSITION;
}

void nx_pass(nx_batch *batch, const nx_stored *stored) {
  batch->response = stored->handle;
  batch->form = NX_PAYLOAD_RESPONSE;
}

/* ---- The text format ---- */

/* The most labels that a sample in a text can have; a sample with more is an error. */
#define TEXT_LABELS_MAX 256

/* The family under way, as the comments before its samples describe it. */
typedef struct {
  nx_batch *batch;
  const char *name, *help;
  nx_kind kind;
  bool has_begun;
} parser;

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static char *skip(char *at) {
  while (is_blank(*at)) at++;
  return at;
}

/* Cuts the next word off, in place. */
static char *word(char **rest) {
  char *start = skip(*rest), *at = start;
  while (*at && !is_blank(*at)) at++;
  *rest = at;
  if (*at) {
    *at = 0;
    *rest = skip(at + 1);
  }
  return start;
}

/* Takes escapes away, in place. */
static char *unescape(char *text, bool quotes) {
  char *out = text;
  for (const char *at = text; *at; at++) {
    if (*at == '\\' && at[1] == 'n') {
      *out++ = '\n';
      at++;
    } else if (*at == '\\' && (at[1] == '\\' || (quotes && at[1] == '"'))) {
      *out++ = *++at;
    } else {
      *out++ = *at;
    }
  }
  *out = 0;
  return text;
}

static const char *comment(parser *p, char *line) {
  char *kind_of_comment = word(&line);
  bool is_help = !strcmp(kind_of_comment, "HELP");
  if (!is_help && strcmp(kind_of_comment, "TYPE")) return NULL;
  char *name = word(&line);
  if (!*name) return "a comment without a name";
  if (p->has_begun || !p->name || strcmp(name, p->name)) {
    *p = (parser){.batch = p->batch, .name = name, .help = ""};
  }
  if (is_help) {
    p->help = unescape(line, false);
    return NULL;
  }
  static const struct {
    const char *name;
    nx_kind kind;
  } kinds[] = {{"counter", NX_COUNTER}, {"gauge", NX_GAUGE},     {"histogram", NX_HISTOGRAM},
               {"summary", NX_SUMMARY}, {"untyped", NX_UNKNOWN}, {"unknown", NX_UNKNOWN},
               {"info", NX_INFO},       {"stateset", NX_STATESET}};
  char *kind = word(&line);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (!strcmp(kind, kinds[i].name)) {
      p->kind = kinds[i].kind;
      return NULL;
    }
  }
  return "a type that is not known";
}

/* Whether a sample is of the family under way, and by what its name is longer. */
static bool belongs(const parser *p, const char *name, const char **suffix) {
  size_t length = p->name ? strlen(p->name) : 0;
  if (!length || strncmp(name, p->name, length)) return false;
  *suffix = name + length;
  if (!**suffix) return true;
  if (!strcmp(*suffix, "_bucket")) return p->kind == NX_HISTOGRAM;
  return (!strcmp(*suffix, "_sum") || !strcmp(*suffix, "_count")) &&
         (p->kind == NX_HISTOGRAM || p->kind == NX_SUMMARY);
}

/* Reads what follows an opening brace; *at is left after the closing one. */
static const char *read_labels(char **at, nx_label *labels, size_t *count) {
  for (char *here = *at;;) {
    while (is_blank(*here) || *here == ',') here++;
    if (*here == '}') {
      *at = here + 1;
      return NULL;
    }
    if (*count == TEXT_LABELS_MAX) return "too many labels";
    char *name = here;
    while (*here && *here != '=' && !is_blank(*here)) here++;
    char *name_end = here;
    here = skip(here);
    if (*here != '=') return "labels are name=\"value\", with } after them";
    here = skip(here + 1);
    if (*here != '"') return "labels are name=\"value\", with } after them";
    *name_end = 0;
    char *value = ++here;
    while (*here && *here != '"') here += *here == '\\' && here[1] ? 2 : 1;
    if (!*here) return "a label's value does not end";
    *here++ = 0;
    labels[(*count)++] = (nx_label){name, unescape(value, true)};
  }
}

static const char *sample(parser *p, char *line) {
  char *end = line;
  while (*end && *end != '{' && !is_blank(*end)) end++;
  if (end == line || !*end) return "not a sample";
  nx_label labels[TEXT_LABELS_MAX];
  size_t count = 0;
  char *rest = skip(end);
  bool has_labels = *rest == '{';
  *end = 0;
  if (has_labels) {
    rest++;
    const char *fault = read_labels(&rest, labels, &count);
    if (fault) return fault;
  }
  char *number = word(&rest), *number_end;
  double value = strtod(number, &number_end);
  if (!*number || *number_end) return "not a number";
  const char *suffix = "";
  if (!belongs(p, line, &suffix)) {
    *p = (parser){.batch = p->batch, .name = line, .help = ""};
    suffix = "";
  }
  if (!p->has_begun) nx_family(p->batch, p->kind, p->name, p->help);
  p->has_begun = true;
  if (*suffix) {
    nx_suffixed(p->batch, suffix, value, labels, count);
  } else {
    nx_sample(p->batch, value, labels, count);
  }
  char *time = word(&rest), *time_end;
  if (*time) {
    long long ms = strtoll(time, &time_end, 10);
    if (*time_end) return "not a time in milliseconds";
    nx_at(p->batch, ms);
  }
  return NULL;
}

nx_status nx_add_text(nx_batch *batch, const char *text) {
  parser p = {.batch = batch, .help = ""};
  /* Names are cut out in place, so it works on a copy. */
  char *line = nx_copy(text, strlen(text));
  for (unsigned number = 1; *line; number++) {
    char *next = line + strcspn(line, "\n");
    if (*next) *next++ = 0;
    char *start = skip(line);
    const char *fault = NULL;
    if (*start == '#') {
      fault = comment(&p, start + 1);
    } else if (*start) {
      fault = sample(&p, start);
    }
    if (fault) return nx_fail(NX_PROTOCOL, "line %u: %s", number, fault);
    line = next;
  }
  return NX_OK;
}
