/* A plugin that posts notifications to a web server, a line for each alert. */
#include <stdlib.h>
#include <string.h>

#include "narthex.h"

/* The receiver's configuration; its schema is in plugin.toml. */
static char *url;

nx_status plugin_init(const char *config) {
  const char *configured = NULL;
  nx_status status = nx_json_string(config, "url", &configured);
  if (status != NX_OK) return status;
  if (!configured) return nx_fail(NX_CONFIG, "url is missing");
  /* Kept from call to call, so it is no memory of this one. */
  url = strdup(configured);
  return NX_OK;
}

static const char *or_empty(const char *text) { return text ? text : ""; }

nx_status plugin_notify(const nx_notification *notification, nx_outcome *outcome) {
  const char *text = "";
  for (size_t i = 0; i < notification->alert_count; i++) {
    const nx_alert *alert = &notification->alerts[i];
    text = nx_format("%s%s %s %s\n", text, alert->firing ? "firing" : "resolved",
                     or_empty(nx_value(alert->labels, alert->label_count, "alertname")),
                     or_empty(nx_value(alert->annotations, alert->annotation_count, "summary")));
  }
  nx_header type = {.name = "Content-Type", .value = "text/plain"};
  nx_request request = {.method = "POST",
                        .url = url,
                        .headers = &type,
                        .header_count = 1,
                        .body = text,
                        .body_length = strlen(text)};
  nx_response response;
  nx_status status = nx_http_send(&request, &response);
  if (status != NX_OK) return status;
  if (response.status == 429 || response.status >= 500) {
    outcome->form = NX_RETRY;
  } else if (response.status >= 300) {
    outcome->form = NX_REJECTED;
    outcome->reason = nx_format("%s: status %d", url, response.status);
  }
  return NX_OK;
}
