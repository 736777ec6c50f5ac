package narthexsdk

import (
	"errors"
	"io"
	"strings"
	"testing"

	"narthexsdk/clock"
	"narthexsdk/fake"
	"narthexsdk/http"
	"narthexsdk/internal/slot"
	"narthexsdk/secrets"
	"narthexsdk/tcp"
)

func check(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestEveryTextIsStoredOnce(t *testing.T) {
	batch := NewBatch()
	batch.Gauge("disk_used", "Used.").
		Sample(1, Labels("disk", "a")...).
		Sample(2.5, Labels("disk", "b")...)
	batch.Counter("disk_used_total", "Used.").Sample(3)
	check(t, batch.Text(), "disk_used{disk=\"a\"} 1\ndisk_used{disk=\"b\"} 2.5\ndisk_used_total 3\n")
	check(t, strings.Join(batch.inner.Symbols, " "), " disk_used Used. disk a b disk_used_total")
}

func TestTextIsParsed(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"plain", "a 1\n", "a 1\n"},
		{"no newline at the end", "a 1", "a 1\n"},
		{"labels", `a{x="1", y="2",} 3 1700000000000`, "a{x=\"1\",y=\"2\"} 3\n"},
		{"escapes", `a{x="\"\\\n"} 1`, "a{x=\"\\\"\\\\\\n\"} 1\n"},
		{"comments", "# a comment\n\n  a 1\n", "a 1\n"},
		{"special numbers", "a NaN\nb +Inf\nc -Inf\n", "a NaN\nb +Inf\nc -Inf\n"},
		{"a histogram", "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\nh2 1\n",
			"h_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\nh2 1\n"},
		{"carriage returns", "a 1\r\nb 2\r\n", "a 1\nb 2\n"},
	} {
		batch := NewBatch()
		if err := batch.AddText(c.text); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		check(t, batch.Text(), c.want)
	}
	batch := NewBatch()
	batch.AddText("# HELP h Help\\n me.\n# TYPE h histogram\nh_sum 1\nh_count 1\n# TYPE g gauge\ng 1 5\n")
	if len(batch.inner.Families) != 2 || batch.inner.Families[0].Samples != 2 {
		t.Errorf("%+v", batch.inner.Families)
	}
	if len(batch.inner.Timestamps) != 3 || batch.inner.Timestamps[2] != 5 {
		t.Errorf("%v", batch.inner.Timestamps)
	}
	for _, text := range []string{"a", "a x", `a{x="1} 2`, `a{x=1} 2`, "{} 1", "# TYPE a cat\n", "a 1 x"} {
		err := NewBatch().AddText(text)
		var fault *Error
		if !errors.As(err, &fault) || fault.Kind != ProtocolError {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{"localhost:80": "localhost", "[::1]:80": "::1", "10.0.0.1:80": "10.0.0.1"} {
		host, port, err := Target{Address: address}.HostPort()
		if err != nil || host != want || port != 80 {
			t.Errorf("%s: %s %d %v", address, host, port, err)
		}
	}
	for _, address := range []string{"localhost", ":1", "::1", "::1:80x", "fe80::1:80", "a:99999", "[a]:1"} {
		if _, _, err := (Target{Address: address}).HostPort(); err == nil {
			t.Error(address)
		}
	}
}

type counting struct {
	config struct {
		Step float64 `json:"step"`
	}
	value float64
}

func (c *counting) Collect(target Target, batch *Batch) error {
	c.value += c.config.Step
	if c.value > 3 {
		panic("enough")
	}
	batch.Counter("steps_total", "").Sample(c.value)
	return nil
}

func TestAnExporterBetweenTheCallsOfTheHost(t *testing.T) {
	Export(func(config struct {
		Step float64 `json:"step"`
	}) (Exporter, error) {
		return &counting{config: config}, nil
	})
	collect := func() (slot.Payload, error) {
		return slot.Guard(func() (slot.Payload, error) { return slot.Collect(slot.Target{}) })
	}
	if _, err := collect(); err == nil || slot.Health() == nil {
		t.Error("it collects before it is there")
	}
	if err := slot.Init(`{"stop": 2}`); err == nil || !strings.Contains(err.Error(), "stop") {
		t.Error(err)
	}
	if err := slot.Init(`{"step": 2}`); err != nil || slot.Health() != nil {
		t.Error(err)
	}
	if payload, err := collect(); err != nil || payload.Batch.Values[0] != 2 {
		t.Error(payload, err)
	}
	if _, err := collect(); err == nil || !strings.Contains(err.Error(), "panic: enough") {
		t.Error(err)
	}
	if taken, err := slot.Reconfigure(`{"step": 2}`); taken || err != nil {
		t.Error(taken, err)
	}
	slot.Shutdown()
	if _, err := collect(); err == nil {
		t.Error("it collects after its end")
	}
}

func TestTheFakeHost(t *testing.T) {
	host := (&fake.Host{
		Dialogues: map[string]string{"db:1": "+OK\r\n12345rest"},
		Responses: map[string]fake.Response{"GET http://a/": {Status: 200, Body: "b"}},
		Secrets:   map[string]string{"password": "hunter2"},
	}).Install(t)
	connection, err := tcp.Connect("db", 1)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := secrets.Get("password")
	connection.WriteSecret("AUTH ", password, "\r\n")
	line, _ := connection.ReadLine()
	five, _ := connection.ReadExact(5)
	rest, err := io.ReadAll(connection)
	if err != nil {
		t.Error(err)
	}
	check(t, line+" "+string(five)+" "+string(rest), "+OK 12345 rest")
	check(t, host.Written.String(), "AUTH hunter2\r\n")
	response, err := http.Send(http.Get("http://a/").Bearer(password))
	if err != nil {
		t.Fatal(err)
	}
	check(t, string(response.Body), "b")
	check(t, host.Requests[0], "GET http://a/\nAuthorization: Bearer hunter2")
	if _, err := tcp.Connect("db", 2); err == nil {
		t.Error("connected to nobody")
	}
	if _, err := secrets.Get("other"); err == nil {
		t.Error("another secret")
	}
}

func TestTheKernelTellsHowItDisciplinesTheClock(t *testing.T) {
	(&fake.Host{}).Install(t)
	if _, err := clock.Discipline(); err == nil {
		t.Error("it tells without being told to")
	}
	(&fake.Host{Timex: &clock.Timex{State: 5, Status: 0x2040, Tick: 10_000}}).Install(t)
	timex, err := clock.Discipline()
	if err != nil {
		t.Fatal(err)
	}
	if timex.Synchronized() || timex.UnitsPerSecond() != 1e9 || timex.Tick != 10_000 {
		t.Errorf("%+v", timex)
	}
}
