// A plugin that reads a memcached server: it sends `stats`, and makes metrics of some lines of the
// answer.
package main

import (
	"strconv"
	"strings"

	sdk "narthexsdk"
	"narthexsdk/tcp"
)

// Config is the job's plugin_config; its schema is in plugin.toml.
type Config struct {
	Prefix string `json:"prefix"`
}

// exporter is one job; its fields live from scrape to scrape.
type exporter struct {
	config Config
}

// New makes the exporter of a job.
func New(config Config) (sdk.Exporter, error) {
	if config.Prefix == "" {
		config.Prefix = "{{identifier}}"
	}
	return &exporter{config}, nil
}

func (e *exporter) Collect(target sdk.Target, batch *sdk.Batch) error {
	stats, err := readStats(target)
	if err != nil {
		return err
	}
	name := func(name string) string { return e.config.Prefix + "_" + name }
	number := func(stat string) (float64, bool) {
		value, err := strconv.ParseFloat(stats[stat], 64)
		return value, err == nil
	}

	if version, found := stats["version"]; found {
		batch.Gauge(name("info"), "The server's version; always 1.").
			Sample(1, sdk.Labels("version", version)...)
	}
	if connections, found := number("curr_connections"); found {
		batch.Gauge(name("connections"), "Open connections.").Sample(connections)
	}
	commands := batch.Counter(name("commands_total"), "Commands by name.")
	for _, command := range []string{"get", "set", "flush", "touch"} {
		if count, found := number("cmd_" + command); found {
			commands.Sample(count, sdk.Labels("command", command)...)
		}
	}
	return nil
}

// readStats reads lines such as `STAT curr_connections 10`, up to `END`.
func readStats(target sdk.Target) (map[string]string, error) {
	host, port, err := target.HostPort()
	if err != nil {
		return nil, err
	}
	connection, err := tcp.Connect(host, port)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	if _, err := connection.WriteString("stats\r\n"); err != nil {
		return nil, err
	}
	stats := map[string]string{}
	for {
		line, err := connection.ReadLine()
		if err != nil {
			return nil, err
		}
		fields := strings.SplitN(line, " ", 3)
		switch {
		case line == "END":
			return stats, nil
		case len(fields) == 3 && fields[0] == "STAT":
			stats[fields[1]] = fields[2]
		default:
			return nil, sdk.Errorf(sdk.ProtocolError, "stats: not expected: %s", line)
		}
	}
}

func init() { sdk.Export(New) }

// The host calls what init has registered; there is nothing to do here.
func main() {}
