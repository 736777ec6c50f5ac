// A plugin that posts notifications to a web server, a line for each alert.
package main

import (
	"fmt"
	"strings"

	sdk "narthexsdk"
	"narthexsdk/http"
)

// Config is the receiver's configuration; its schema is in plugin.toml.
type Config struct {
	URL string `json:"url"`
}

type receiver struct {
	config Config
}

// New makes a receiver.
func New(config Config) (sdk.Receiver, error) { return &receiver{config}, nil }

func (r *receiver) Notify(notification sdk.Notification) (sdk.Outcome, error) {
	var text strings.Builder
	for _, alert := range notification.Alerts {
		state := "resolved"
		if alert.Firing {
			state = "firing"
		}
		name, _ := alert.Label("alertname")
		summary, _ := alert.Annotation("summary")
		fmt.Fprintf(&text, "%s %s %s\n", state, name, summary)
	}
	response, err := http.Send(http.Post(r.config.URL, "text/plain", []byte(text.String())))
	switch {
	case err != nil:
		return sdk.Outcome{}, err
	case response.Status < 300:
		return sdk.Delivered(), nil
	case response.Status == 429 || response.Status >= 500:
		return sdk.Retry(), nil
	default:
		return sdk.Rejected(fmt.Sprintf("%s: status %d", r.config.URL, response.Status)), nil
	}
}

func init() { sdk.Receive(New) }

// The host calls what init has registered; there is nothing to do here.
func main() {}
