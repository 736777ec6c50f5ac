// Package fake is a host for unit tests: the files, answers and dialogues it was given, and nothing
// else.
package fake

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"testing"

	"narthexsdk/internal/gate"
)

// Host is what a plugin under test finds outside. Its zero value is a host without anything, at
// the Unix epoch.
type Host struct {
	// NowMs is the wall clock.
	NowMs uint64
	// Timex is how the kernel disciplines the clock, as clock.Timex; nil: it does not tell.
	Timex *gate.Timex
	// Files by path.
	Files map[string]string
	// Responses by method and URL, such as "GET http://a/b".
	Responses map[string]Response
	// Dialogues by host:port: what connections there read, whatever they write.
	Dialogues map[string]string
	// Datagrams by host:port: what sockets there receive, one after the other.
	Datagrams map[string][]string
	// Pings by host: nanoseconds until the reply.
	Pings map[string]uint64
	// Addresses by name.
	Addresses map[string][]string
	// Secrets by name.
	Secrets map[string]string
	// State by key; what the plugin sets is here afterwards.
	State map[string]string
	// Objects of a cluster as JSON, by "apiVersion/kind".
	Objects map[string][]string

	// Written is what the plugin wrote to connections and sockets, in order; a secret stands in it
	// as its text.
	Written bytes.Buffer
	// Requests are the plugin's requests: method, URL, headers and body.
	Requests []string
	// Logged are the lines of its log.
	Logged []string
}

// Response is the answer to a request.
type Response struct {
	Status  int
	Headers map[string]string
	Body    string
}

// Install makes it the host until the test ends.
func (h *Host) Install(t testing.TB) *Host {
	before := gate.Current
	gate.Current = host{h}
	t.Cleanup(func() { gate.Current = before })
	return h
}

// host has the methods that the plugin's way out needs; they are not for tests.
type host struct{ *Host }

func fail[T any](kind gate.Kind, format string, args ...any) (T, error) {
	var nothing T
	return nothing, &gate.Error{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

func (h host) Settle()           {}
func (h host) Now() uint64       { return h.NowMs }
func (h host) Monotonic() uint64 { return h.NowMs * 1_000_000 }
func (h host) Remaining() uint32 { return 10_000 }

func (h host) Discipline() (*gate.Timex, error) {
	if h.Timex == nil {
		return fail[*gate.Timex](gate.Unavailable, "the kernel does not tell")
	}
	timex := *h.Timex
	return &timex, nil
}

var levels = [...]string{"trace", "debug", "info", "warn", "error"}

func (h host) Log(level uint8, message string, fields []gate.Pair) {
	line := levels[level] + " " + message
	for _, field := range fields {
		line += fmt.Sprintf(" %s=%q", field.Name, field.Value)
	}
	h.Logged = append(h.Logged, line)
}

type secret string

func (s secret) Reveal() (string, error) { return string(s), nil }
func (s secret) Close() error            { return nil }

func (h host) Secret(name string) (gate.Secret, error) {
	if text, found := h.Secrets[name]; found {
		return secret(text), nil
	}
	return fail[gate.Secret](gate.Denied, "no secret is named %s", name)
}

func (h host) Send(request *gate.Request) (*gate.Response, error) {
	line := request.Method + " " + request.URL
	answer, found := h.Responses[line]
	for _, header := range request.Headers {
		line += "\n" + header.Name + ": " + headerText(header)
	}
	if request.Body != nil {
		line += "\n\n" + string(request.Body)
	}
	h.Requests = append(h.Requests, line)
	if !found {
		return fail[*gate.Response](gate.Denied, "there is no response for %s %s", request.Method, request.URL)
	}
	response := &gate.Response{Status: answer.Status, Body: []byte(answer.Body)}
	for name, value := range answer.Headers {
		response.Headers = append(response.Headers, gate.Pair{Name: name, Value: value})
	}
	sort.Slice(response.Headers, func(i, j int) bool {
		return response.Headers[i].Name < response.Headers[j].Name
	})
	return response, nil
}

func headerText(header gate.Header) string {
	switch header.Form {
	case gate.HeaderPlain:
		return header.Plain
	case gate.HeaderBearer:
		return "Bearer " + string(header.Secret.(secret))
	case gate.HeaderBasic:
		return "Basic " + header.Plain + ":" + string(header.Secret.(secret))
	default:
		return string(header.Secret.(secret))
	}
}

func (h host) Fetch(request *gate.Request) (*gate.Stored, error) {
	response, err := h.Send(request)
	if err != nil {
		return nil, err
	}
	stored := &gate.Stored{Status: response.Status, Length: uint64(len(response.Body)), Handle: 1}
	for _, header := range response.Headers {
		if strings.EqualFold(header.Name, "Content-Type") {
			stored.ContentType = header.Value
		}
	}
	return stored, nil
}

func (h host) ReadFile(path string) ([]byte, error) {
	if content, found := h.Files[path]; found {
		return []byte(content), nil
	}
	return fail[[]byte](gate.Unavailable, "%s: no such file", path)
}

func (h host) Entries(path string) ([]string, error) {
	found := map[string]bool{}
	for file := range h.Files {
		if below, is := strings.CutPrefix(file, strings.TrimSuffix(path, "/")+"/"); is {
			name, _, _ := strings.Cut(below, "/")
			found[name] = true
		}
	}
	if len(found) == 0 {
		return fail[[]string](gate.Unavailable, "%s: no such folder", path)
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	sort.Strings(names)
	return names, nil
}

func (h host) Link(path string) (string, error) {
	return fail[string](gate.Unavailable, "%s: no such link", path)
}

func (h host) FileSystem(path string) (*gate.Capacity, error) {
	return fail[*gate.Capacity](gate.Unavailable, "%s: no such file system", path)
}

func (h host) Ping(name string, payloadBytes uint16) (string, uint64, error) {
	if nanoseconds, found := h.Pings[name]; found {
		return name, nanoseconds, nil
	}
	_, err := fail[string](gate.Unavailable, "%s does not answer", name)
	return "", 0, err
}

func (h host) Resolve(name string) ([]string, error) {
	if addresses, found := h.Addresses[name]; found {
		return addresses, nil
	}
	return fail[[]string](gate.Unavailable, "no address for %s", name)
}

func (h host) State(key string) ([]byte, bool, error) {
	value, found := h.Host.State[key]
	return []byte(value), found, nil
}

func (h host) SetState(key string, value []byte) error {
	if len(value) == 0 {
		delete(h.Host.State, key)
		return nil
	}
	if h.Host.State == nil {
		h.Host.State = map[string]string{}
	}
	h.Host.State[key] = string(value)
	return nil
}
