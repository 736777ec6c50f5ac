/* Runs on your own machine:
     cc -std=gnu11 -I narthex-sdk plugin.c plugin_test.c \
        narthex-sdk/narthex.c narthex-sdk/narthex_batch.c narthex-sdk/narthex_fake.c -lm -o test
     ./test */
#include <stdio.h>
#include <string.h>

#include "narthex_fake.h"

static int failures;

static void expect(const char *text, const char *part) {
  if (!strstr(text, part)) {
    printf("%s is not in:\n%s\n", part, text);
    failures++;
  }
}

static const char *collect(const char *config, const char *url, const char *body) {
  const char *samples = "";
  nx_fake_response(url, 200, body);
  nx_status status = plugin_init(config);
  if (status == NX_OK) status = nx_fake_collect("lb:8404", &samples);
  return status == NX_OK ? samples : nx_error_text();
}

int main(void) {
  const char *page =
      "# pxname,svname,scur,stot,status,type,hrsp_2xx,qtime,\r\n"
      "web,FRONTEND,3,10,OPEN,0,7,,\r\n"
      "\"a \"\"b\"\", c\",one,1,5,UP 1/3,2,5,20,\r\n"
      "\"a \"\"b\"\", c\",BACKEND,1,5,DOWN,1,5,1500,\r\n";
  const char *samples = collect("{}", "GET http://lb:8404/haproxy?stats;csv", page);
  expect(samples, "haproxy_frontend_current_sessions{frontend=\"web\"} 3\n");
  expect(samples, "haproxy_frontend_http_responses_total{frontend=\"web\",code=\"2xx\"} 7\n");
  expect(samples, "haproxy_server_up{backend=\"a \\\"b\\\", c\",server=\"one\"} 1\n");
  expect(samples, "haproxy_backend_up{backend=\"a \\\"b\\\", c\"} 0\n");
  expect(samples, "haproxy_backend_http_queue_time_average_seconds{backend=\"a \\\"b\\\", c\"} 1.5\n");
  if (strstr(samples, "haproxy_frontend_up")) failures++;

  nx_fake_reset();
  nx_fake_secret("lb", "s3");
  const char *config = "{\"path\": \"/s;csv\", \"user\": \"narthex\", \"password_secret\": \"lb\"}";
  expect(collect(config, "GET http://lb:8404/s;csv", page), "haproxy_server_up");
  expect(nx_fake_written(), "s3");

  nx_fake_reset();
  const char *html = "<html>";
  expect(collect("{}", "GET http://lb:8404/haproxy?stats;csv", html), "is not a page of statistics");
  if (failures == 0) puts("ok");
  return failures != 0;
}
