/* Tests of the SDK itself, on one's own machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "narthex_fake.h"
#include "narthex_internal.h"

static int faults;

static void check(const char *what, const char *got, const char *want) {
  if (!strcmp(got, want)) return;
  printf("%s\n got: %s\nwant: %s\n", what, got, want);
  faults++;
}

nx_status plugin_init(const char *config) {
  (void)config;
  return NX_OK;
}

nx_status plugin_collect(const nx_target *target, nx_batch *batch) {
  const char *host;
  uint16_t port;
  nx_status status = nx_host_port(target->address, &host, &port);
  if (status != NX_OK) return status;
  nx_connection connection;
  if ((status = nx_tcp_connect(host, port, NULL, &connection)) != NX_OK) return status;
  nx_secret password;
  if ((status = nx_secret_get("password", &password)) != NX_OK) return status;
  nx_tcp_write_secret(connection, "AUTH ", password, "\r\n");
  nx_text line, rest;
  if ((status = nx_tcp_read_line(connection, &line)) != NX_OK) return status;
  if ((status = nx_tcp_read_exact(connection, 4, &rest)) != NX_OK) return status;
  nx_gauge(batch, "lines", "");
  nx_sample(batch, 1, NX_LABELS({"text", line.data}, {"rest", rest.data}));
  return NX_OK;
}

static void a_plugin_on_the_fake_host(void) {
  nx_fake_reset();
  nx_fake_dialogue("db:1", "+OK\r\nrest");
  nx_fake_secret("password", "hunter2");
  const char *samples;
  nx_status status = nx_fake_collect("db:1", &samples);
  check("status", status == NX_OK ? "ok" : nx_error_text(), "ok");
  check("samples", samples, "lines{text=\"+OK\",rest=\"rest\"} 1\n");
  check("written", nx_fake_written(), "AUTH hunter2\r\n");
  nx_fake_collect("db:2", &samples);
  check("refused", nx_error_text(), "db:2: connection refused");
}

static void texts_are_parsed(void) {
  static const struct {
    const char *name, *text, *want;
  } cases[] = {
      {"plain", "a 1\n", "a 1\n"},
      {"no newline at the end", "a 1", "a 1\n"},
      {"labels", "a{x=\"1\", y=\"2\",} 3 1700000000000", "a{x=\"1\",y=\"2\"} 3\n"},
      {"a blank before the labels", "a {x=\"1\"} 3", "a{x=\"1\"} 3\n"},
      {"escapes", "a{x=\"\\\"\\\\\\n\"} 1", "a{x=\"\\\"\\\\\\n\"} 1\n"},
      {"comments", "# a comment\n\n  a 1\n", "a 1\n"},
      {"special numbers", "a NaN\nb +Inf\nc -Inf\nd 0.1\n", "a NaN\nb +Inf\nc -Inf\nd 0.1\n"},
      {"a histogram",
       "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\nh2 1\n",
       "h_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\nh2 1\n"},
      {"carriage returns", "a 1\r\nb 2\r\n", "a 1\nb 2\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    nx_batch batch;
    nx_batch_begin(&batch);
    nx_status status = nx_add_text(&batch, cases[i].text);
    check(cases[i].name, status == NX_OK ? nx_fake_text(&batch) : nx_error_text(), cases[i].want);
    nx_batch_end(&batch);
  }
  static const char *const faulty[] = {"a",   "a x", "a{x=\"1} 2",      "a{x=1} 2",
                                       "{} 1", "a{",  "# TYPE a cat\n", "a 1 x"};
  for (size_t i = 0; i < sizeof faulty / sizeof *faulty; i++) {
    nx_batch batch;
    nx_batch_begin(&batch);
    check(faulty[i], nx_add_text(&batch, faulty[i]) == NX_PROTOCOL ? "fault" : "none", "fault");
    nx_batch_end(&batch);
  }
}

static void many_texts_are_stored_once(void) {
  nx_batch batch;
  nx_batch_begin(&batch);
  nx_counter(&batch, "many_total", "Many.");
  for (int i = 0; i < 3000; i++) {
    nx_sample(&batch, i, NX_LABELS({"i", nx_format("%d", i % 1500)}));
  }
  check("symbols", nx_format("%zu", batch.symbols.count), "1504");
  check("samples", nx_format("%u", batch.families.list[0].samples), "3000");
  nx_at(&batch, 5);
  check("times", nx_format("%zu", batch.timestamps.count), "3000");
  nx_batch_end(&batch);
}

static void fields_of_json(void) {
  const char *json = "{\"nested\": {\"text\": [1, \"}\"]}, \"text\" : \"a\\u00e9\\ud83d\\ude00\\n\","
                     " \"number\":-1.5e1, \"yes\": true, \"last\":\"x\"}";
  const char *text = "", *last = "", *missing = "as it was";
  double number = 0;
  bool yes = false;
  nx_json_string(json, "text", &text);
  nx_json_string(json, "last", &last);
  nx_json_string(json, "missing", &missing);
  nx_json_number(json, "number", &number);
  nx_json_bool(json, "yes", &yes);
  check("text", text, "a\xc3\xa9\xf0\x9f\x98\x80\n");
  check("last", last, "x");
  check("missing", missing, "as it was");
  check("number", nx_format("%g %d", number, yes), "-15 1");
  nx_json_number(json, "text", &number);
  check("kind", nx_error_text(), "plugin_config: \"text\" is not a number");
  check("broken", nx_json_string("{\"a\": {\"b\"", "c", &text) == NX_OK ? "ok" : "", "ok");
}

static void addresses_are_split(void) {
  static const struct {
    const char *address, *want;
  } cases[] = {{"localhost:80", "localhost 80"}, {"[::1]:80", "::1 80"}, {"localhost", "fault"},
               {":1", "fault"},                  {"::1:80", "fault"},    {"a:99999", "fault"},
               {"a:80x", "fault"},               {"a:", "fault"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *host;
    uint16_t port;
    bool ok = nx_host_port(cases[i].address, &host, &port) == NX_OK;
    check(cases[i].address, ok ? nx_format("%s %u", host, port) : "fault", cases[i].want);
  }
}

static void the_kernel_tells_how_it_disciplines_the_clock(void) {
  nx_timex timex;
  nx_fake_reset();
  check("untold", nx_discipline(&timex) == NX_UNAVAILABLE ? "unavailable" : "", "unavailable");
  nx_fake_timex(&(nx_timex){.state = 5, .offset = -7, .tick = 10000});
  nx_status status = nx_discipline(&timex);
  check("told", status == NX_OK ? "ok" : nx_error_text(), "ok");
  check("numbers", nx_format("%u %d %d", timex.state, (int)timex.offset, (int)timex.tick),
        "5 -7 10000");
}

int main(void) {
  a_plugin_on_the_fake_host();
  texts_are_parsed();
  many_texts_are_stored_once();
  fields_of_json();
  addresses_are_split();
  the_kernel_tells_how_it_disciplines_the_clock();
  nx_fake_reset();
  printf("%d faults\n", faults);
  return faults != 0;
}
