/* Runs on your own machine:
     cc -std=gnu11 -I narthex-sdk plugin.c plugin_test.c \
        narthex-sdk/narthex.c narthex-sdk/narthex_batch.c narthex-sdk/narthex_fake.c -lm -o test
     ./test */
#include <stdio.h>
#include <string.h>

#include "narthex_fake.h"

int main(void) {
  nx_fake_dialogue("memcached:11211",
                   "STAT version 1.6.40\r\nSTAT curr_connections 10\r\nSTAT cmd_get 7\r\nEND\r\n");
  const char *samples = "";
  nx_status status = plugin_init("{\"prefix\": \"m\"}");
  if (status == NX_OK) status = nx_fake_collect("memcached:11211", &samples);
  if (status != NX_OK) {
    printf("failed: %s\n", nx_error_text());
    return 1;
  }
  const char *expected =
      "m_info{version=\"1.6.40\"} 1\nm_connections 10\nm_commands_total{command=\"get\"} 7\n";
  if (strcmp(samples, expected) || strcmp(nx_fake_written(), "stats\r\n")) {
    printf("got:\n%sexpected:\n%s", samples, expected);
    return 1;
  }
  puts("ok");
  return 0;
}
