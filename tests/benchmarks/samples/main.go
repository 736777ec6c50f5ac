// The samples in Go.
package main

import (
	"strconv"

	sdk "narthexsdk"
)

// Config is the job's plugin_config.
type Config struct {
	Count int `json:"count"`
}

type samples struct{ count int }

func (s *samples) Collect(target sdk.Target, batch *sdk.Batch) error {
	batch.Gauge("samples_info", "What they are written in.").
		Sample(1, sdk.Labels("language", "go")...)
	family := batch.Counter("samples_requests_total", "Requests.")
	for number := 0; number < s.count; number++ {
		path := "/api/v1/path/" + strconv.Itoa(number)
		family.Sample(float64(number)+0.5,
			sdk.Labels("code", "200", "method", "get", "path", path)...)
	}
	return nil
}

func init() {
	sdk.Export(func(config Config) (sdk.Exporter, error) { return &samples{config.Count}, nil })
}

func main() {}
