/* What the files of this SDK have in common; nothing for plugins. */
#ifndef NARTHEX_INTERNAL_H
#define NARTHEX_INTERNAL_H

#include "narthex.h"

/* Frees what nx_alloc has made since the last time. */
void nx_end_call(void);

/* realloc that does not return without memory. */
void *nx_resize(void *memory, size_t size);

typedef struct {
  uint32_t name, help, unit;
  nx_kind kind;
  uint32_t samples;
} nx_family_entry;

typedef enum { NX_PAYLOAD_BATCH, NX_PAYLOAD_EXPOSITION, NX_PAYLOAD_RESPONSE } nx_payload_form;

/* A batch as it crosses the boundary. Each list was made by malloc, and so was each symbol. */
struct nx_batch {
  struct {
    char **list;
    size_t *lengths;
    size_t count, room;
    uint32_t *slots; /* a hash table of indexes, plus one; 0 is free */
    size_t slot_count;
  } symbols;
  struct {
    nx_family_entry *list;
    size_t count, room;
  } families;
  struct {
    uint32_t *list;
    size_t count, room;
  } label_counts, labels;
  struct {
    double *list;
    size_t count, room;
  } values;
  struct {
    int64_t *list;
    size_t count, room;
  } timestamps;
  nx_payload_form form;
  char *content_type;
  char *exposition;
  size_t exposition_length;
  uint64_t response;
};

void nx_batch_begin(nx_batch *batch);
/* Frees all of it that was not handed over: what was handed over is NULL. */
void nx_batch_end(nx_batch *batch);

#endif
