/* A plugin that finds targets in a list that a web server has: a line for each, host:port. */
#include <stdlib.h>
#include <string.h>

#include "narthex.h"

/* `config` under `plugin_sd_configs`; its schema is in plugin.toml. */
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

nx_status plugin_refresh(nx_groups *groups) {
  nx_response response;
  nx_status status = nx_http_get(url, &response);
  if (status != NX_OK) return status;
  if (response.status != 200) return nx_fail(NX_PROTOCOL, "%s: status %d", url, response.status);
  nx_group(groups, url, NX_LABELS({"list", url}));
  for (char *line = strtok(response.body.data, "\r\n"); line; line = strtok(NULL, "\r\n")) {
    nx_group_target(groups, NX_LABELS({"__address__", line}));
  }
  return NX_OK;
}
