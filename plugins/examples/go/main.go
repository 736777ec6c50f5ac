// A plugin that reads a memcached server by its text protocol: `stats`, `stats settings`, `stats
// slabs` and `stats items`.
package main

import (
	"sort"
	"strconv"
	"strings"

	sdk "narthexsdk"
	"narthexsdk/tcp"
)

// statsMax is the most lines that one answer may have; more are a protocol error.
const statsMax = 100_000

// Config is the job's plugin_config; its schema is in plugin.toml.
type Config struct {
	TLS   *string `json:"tls"`
	Slabs *bool   `json:"slabs"`
}

type exporter struct{ config Config }

// New makes the exporter of a job.
func New(config Config) (sdk.Exporter, error) { return &exporter{config}, nil }

func (e *exporter) Collect(target sdk.Target, batch *sdk.Batch) error {
	connection, err := e.connect(target)
	if err != nil {
		return err
	}
	defer connection.Close()
	general, err := read(connection, "stats")
	if err != nil {
		return err
	}
	settings, err := read(connection, "stats settings")
	if err != nil {
		return err
	}
	writeGeneral(batch, general, settings)
	if e.config.Slabs != nil && !*e.config.Slabs {
		return nil
	}
	slabs, err := read(connection, "stats slabs")
	if err != nil {
		return err
	}
	items, err := read(connection, "stats items")
	if err != nil {
		return err
	}
	// `items:1:number` is slab class 1's as `1:used_chunks` is.
	writeClasses(batch, slabMetrics, byClass(slabs, ""))
	writeCommands(batch, byClass(slabs, ""))
	writeClasses(batch, itemMetrics, byClass(items, "items:"))
	return nil
}

func (e *exporter) connect(target sdk.Target) (*tcp.Connection, error) {
	host, port, err := target.HostPort()
	if err != nil {
		return nil, err
	}
	if e.config.TLS != nil {
		return tcp.ConnectTLS(host, port, *e.config.TLS)
	}
	return tcp.Connect(host, port)
}

// stats are the lines of one answer, by name.
type stats map[string]string

func (s stats) number(name string) (float64, bool) {
	value, err := strconv.ParseFloat(s[name], 64)
	return value, err == nil
}

// read sends a command and reads lines such as `STAT curr_connections 10`, up to `END`.
func read(connection *tcp.Connection, command string) (stats, error) {
	if _, err := connection.WriteString(command + "\r\n"); err != nil {
		return nil, err
	}
	found := stats{}
	for len(found) < statsMax {
		line, err := connection.ReadLine()
		if err != nil {
			return nil, err
		}
		fields := strings.SplitN(line, " ", 3)
		switch {
		case line == "END":
			return found, nil
		case len(fields) == 3 && fields[0] == "STAT":
			found[fields[1]] = fields[2]
		default:
			return nil, sdk.Errorf(sdk.ProtocolError, "%s: not expected: %s", command, line)
		}
	}
	return nil, sdk.Errorf(sdk.ProtocolError, "%s: more than %d lines", command, statsMax)
}

func writeGeneral(batch *sdk.Batch, general, settings stats) {
	if version, found := general["version"]; found {
		batch.Gauge("memcached_version", "The server's version; always 1.").
			Sample(1, sdk.Labels("version", version)...)
	}
	for _, metric := range generalMetrics {
		if value, found := general.number(metric.stat); found {
			metric.begin(batch).Sample(value * metric.scale())
		}
	}
	if value, found := settings.number("maxconns"); found {
		batch.Gauge("memcached_max_connections", "The most clients at once.").Sample(value)
	}
	family := batch.Counter("memcached_commands_total", "Commands by what became of them.")
	for _, command := range commands {
		if value, found := general.number(command.stat); found {
			family.Sample(value, sdk.Labels("command", command.name, "status", command.status)...)
		}
	}
	// Every set is counted, and those that were a `cas` are counted there as well.
	if sets, found := general.number("cmd_set"); found {
		for _, stat := range []string{"cas_hits", "cas_misses", "cas_badval"} {
			value, _ := general.number(stat)
			sets -= value
		}
		family.Sample(max(sets, 0), sdk.Labels("command", "set", "status", "hit")...)
	}
}

// class is what is known of a slab class.
type class struct {
	name  string
	stats stats
}

// byClass sorts lines such as `1:chunk_size` by their class.
func byClass(lines stats, prefix string) []class {
	found := map[string]stats{}
	for name, value := range lines {
		rest, isOne := strings.CutPrefix(name, prefix)
		number, stat, hasClass := strings.Cut(rest, ":")
		if !isOne || !hasClass {
			continue
		}
		if found[number] == nil {
			found[number] = stats{}
		}
		found[number][stat] = value
	}
	classes := make([]class, 0, len(found))
	for name, stats := range found {
		classes = append(classes, class{name, stats})
	}
	sort.Slice(classes, func(i, j int) bool {
		one, _ := strconv.Atoi(classes[i].name)
		other, _ := strconv.Atoi(classes[j].name)
		return one < other
	})
	return classes
}

func writeClasses(batch *sdk.Batch, metrics []metric, classes []class) {
	for _, metric := range metrics {
		family := metric.begin(batch)
		for _, class := range classes {
			if value, found := class.stats.number(metric.stat); found {
				family.Sample(value*metric.scale(), sdk.Labels("slab", class.name)...)
			}
		}
	}
}

func writeCommands(batch *sdk.Batch, classes []class) {
	family := batch.Counter("memcached_slab_commands_total", "Commands by slab class.")
	for _, class := range classes {
		for _, command := range slabCommands {
			if value, found := class.stats.number(command.stat); found {
				family.Sample(value,
					sdk.Labels("slab", class.name, "command", command.name, "status", command.status)...)
			}
		}
	}
}

func init() { sdk.Export(New) }

// The host calls what init has registered; there is nothing to do here.
func main() {}
