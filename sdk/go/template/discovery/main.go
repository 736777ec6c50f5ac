// A plugin that finds targets in a list that a web server has: a line for each, host:port.
package main

import (
	"strings"

	sdk "narthexsdk"
	"narthexsdk/http"
)

// Config is `config` under plugin_sd_configs; its schema is in plugin.toml.
type Config struct {
	URL string `json:"url"`
}

type discoverer struct {
	config Config
}

// New makes the discoverer of a job.
func New(config Config) (sdk.Discoverer, error) { return &discoverer{config}, nil }

func (d *discoverer) Refresh() ([]sdk.Group, error) {
	response, err := http.Send(http.Get(d.config.URL))
	if err != nil {
		return nil, err
	}
	if response.Status != 200 {
		return nil, sdk.Errorf(sdk.ProtocolError, "%s: status %d", d.config.URL, response.Status)
	}
	group := sdk.Group{Source: d.config.URL, Labels: sdk.Labels("list", d.config.URL)}
	for _, line := range strings.Fields(string(response.Body)) {
		group.Targets = append(group.Targets, sdk.Labels("__address__", line))
	}
	return []sdk.Group{group}, nil
}

func init() { sdk.Discover(New) }

// The host calls what init has registered; there is nothing to do here.
func main() {}
