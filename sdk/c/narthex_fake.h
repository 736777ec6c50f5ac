/*
 * A host for unit tests: the files, answers and dialogues it was given, and nothing else.
 *
 * A test is a program of its own (a file named test.c or something_test.c, which the build of the
 * plugin leaves out), compiled for one's own machine:
 *
 *     cc -std=c11 -I narthex-sdk plugin.c plugin_test.c \
 *        narthex-sdk/narthex.c narthex-sdk/narthex_batch.c narthex-sdk/narthex_fake.c -lm
 */
#ifndef NARTHEX_FAKE_H
#define NARTHEX_FAKE_H

#include "narthex.h"

/* A host without anything, at the Unix epoch; also what is to be called between two tests. */
void nx_fake_reset(void);

void nx_fake_now(uint64_t ms);
/* Lets the kernel tell how it disciplines the clock. */
void nx_fake_timex(const nx_timex *timex);
void nx_fake_file(const char *path, const char *content);
/* Answers "GET http://a/b". */
void nx_fake_response(const char *method_and_url, int status, const char *body);
/* Lets connections to "host:port" read this, whatever they write. */
void nx_fake_dialogue(const char *address, const char *text);
void nx_fake_secret(const char *name, const char *text);

/* What the plugin wrote to connections, requests and sockets, in order; a secret is in it as its
   text. */
const char *nx_fake_written(void);
/* The lines that it logged. */
const char *nx_fake_logged(void);

/* Calls plugin_collect for a target and makes text of the samples, a line for each. */
nx_status nx_fake_collect(const char *address, const char **samples);
/* The samples of a batch as text; for payloads that are text already, that. */
const char *nx_fake_text(const nx_batch *batch);

#endif
