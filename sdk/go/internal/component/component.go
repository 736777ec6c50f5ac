//go:build narthex

// Package component is the host as a component sees it: its imports.
package component

import (
	"errors"
	"narthexsdk/internal/bindings/imports/narthex_plugin_clock"
	"narthexsdk/internal/bindings/imports/narthex_plugin_files"
	"narthexsdk/internal/bindings/imports/narthex_plugin_http"
	"narthexsdk/internal/bindings/imports/narthex_plugin_icmp"
	"narthexsdk/internal/bindings/imports/narthex_plugin_kubernetes"
	"narthexsdk/internal/bindings/imports/narthex_plugin_log"
	"narthexsdk/internal/bindings/imports/narthex_plugin_names"
	"narthexsdk/internal/bindings/imports/narthex_plugin_secrets"
	"narthexsdk/internal/bindings/imports/narthex_plugin_state"
	"narthexsdk/internal/bindings/imports/narthex_plugin_tcp"
	"narthexsdk/internal/bindings/imports/narthex_plugin_types"
	"narthexsdk/internal/bindings/imports/narthex_plugin_udp"
	"narthexsdk/internal/gate"
	"narthexsdk/internal/wit/runtime"
	wit "narthexsdk/internal/wit/types"
)

func init() {
	gate.Current = host{}
}

type host struct{}

// Resources that end with the call.
var open []interface{ Drop() }

// EndCall closes what the call under way has left open.
func EndCall() {
	for i, resource := range open {
		resource.Drop()
		open[i] = nil
	}
	open = open[:0]
}

// Fault makes the contract's error of any.
func Fault(err error) narthex_plugin_types.Error {
	fault := &gate.Error{Kind: gate.Internal, Text: err.Error()}
	var own *gate.Error
	if errors.As(err, &own) {
		fault.Kind = own.Kind
		if err == error(own) {
			// The kind goes beside the text, not in it.
			fault.Text = own.Text
		}
	}
	switch fault.Kind {
	case gate.Config:
		return narthex_plugin_types.MakeErrorConfig(fault.Text)
	case gate.Unavailable:
		return narthex_plugin_types.MakeErrorUnavailable(fault.Text)
	case gate.Timeout:
		return narthex_plugin_types.MakeErrorTimeout()
	case gate.Denied:
		return narthex_plugin_types.MakeErrorDenied(fault.Text)
	case gate.Protocol:
		return narthex_plugin_types.MakeErrorProtocol(fault.Text)
	default:
		return narthex_plugin_types.MakeErrorInternal(fault.Text)
	}
}

func failure(err narthex_plugin_types.Error) error {
	switch err.Tag() {
	case narthex_plugin_types.Error_Config:
		return &gate.Error{Kind: gate.Config, Text: err.Config()}
	case narthex_plugin_types.Error_Unavailable:
		return &gate.Error{Kind: gate.Unavailable, Text: err.Unavailable()}
	case narthex_plugin_types.Error_Timeout:
		return &gate.Error{Kind: gate.Timeout}
	case narthex_plugin_types.Error_Denied:
		return &gate.Error{Kind: gate.Denied, Text: err.Denied()}
	case narthex_plugin_types.Error_Protocol:
		return &gate.Error{Kind: gate.Protocol, Text: err.Protocol()}
	default:
		return &gate.Error{Kind: gate.Internal, Text: err.Internal()}
	}
}

// answer takes a result apart.
func answer[T any](result wit.Result[T, narthex_plugin_types.Error]) (T, error) {
	runtime.Taken()
	if result.IsErr() {
		var nothing T
		return nothing, failure(result.Err())
	}
	return result.Ok(), nil
}

func done(result wit.Result[wit.Unit, narthex_plugin_types.Error]) error {
	_, err := answer(result)
	return err
}

func option[T any](value *T) wit.Option[T] {
	if value == nil {
		return wit.None[T]()
	}
	return wit.Some(*value)
}

// FromTuples takes pairs over.
func FromTuples(tuples []wit.Tuple2[string, string]) []gate.Pair {
	pairs := make([]gate.Pair, len(tuples))
	for i, tuple := range tuples {
		pairs[i] = gate.Pair{Name: tuple.F0, Value: tuple.F1}
	}
	return pairs
}

// ToTuples hands pairs over.
func ToTuples(pairs []gate.Pair) []wit.Tuple2[string, string] {
	tuples := make([]wit.Tuple2[string, string], len(pairs))
	for i, pair := range pairs {
		tuples[i] = wit.Tuple2[string, string]{F0: pair.Name, F1: pair.Value}
	}
	return tuples
}

func (host) Settle() { runtime.Settle() }

func (host) Log(level uint8, message string, fields []gate.Pair) {
	narthex_plugin_log.Log(level, message, ToTuples(fields))
}

func (host) Now() uint64       { return narthex_plugin_clock.Now() }
func (host) Monotonic() uint64 { return narthex_plugin_clock.Monotonic() }
func (host) Remaining() uint32 { return narthex_plugin_clock.Remaining() }

func (host) Discipline() (*gate.Timex, error) {
	timex, err := answer(narthex_plugin_clock.Discipline())
	if err != nil {
		return nil, err
	}
	return &gate.Timex{
		State: timex.State, Status: timex.Status, Offset: timex.Offset, Frequency: timex.Frequency,
		MaxError: timex.MaxError, EstimatedError: timex.EstimatedError, Constant: timex.Constant,
		Precision: timex.Precision, Tolerance: timex.Tolerance, Tick: timex.Tick,
		PPSFrequency: timex.PpsFrequency, PPSJitter: timex.PpsJitter, PPSShift: timex.PpsShift,
		PPSStability: timex.PpsStability, PPSJitterExceeded: timex.PpsJitterExceeded,
		PPSCalibrations: timex.PpsCalibrations, PPSErrors: timex.PpsErrors,
		PPSStabilityExceeded: timex.PpsStabilityExceeded, TAI: timex.Tai,
	}, nil
}

type secret struct {
	inner *narthex_plugin_secrets.Secret
}

func (host) Secret(name string) (gate.Secret, error) {
	inner, err := answer(narthex_plugin_secrets.Get(name))
	if err != nil {
		return nil, err
	}
	return secret{inner}, nil
}

func (s secret) Reveal() (string, error) { return answer(s.inner.Reveal()) }

func (s secret) Close() error {
	s.inner.Drop()
	return nil
}

func inner(s gate.Secret) *narthex_plugin_secrets.Secret { return s.(secret).inner }

func outgoing(request *gate.Request) narthex_plugin_http.Request {
	headers := make([]wit.Tuple2[string, narthex_plugin_http.HeaderValue], len(request.Headers))
	for i, header := range request.Headers {
		headers[i].F0 = header.Name
		switch header.Form {
		case gate.HeaderPlain:
			headers[i].F1 = narthex_plugin_http.MakeHeaderValuePlain(header.Plain)
		case gate.HeaderBearer:
			headers[i].F1 = narthex_plugin_http.MakeHeaderValueBearer(inner(header.Secret))
		case gate.HeaderBasic:
			headers[i].F1 = narthex_plugin_http.MakeHeaderValueBasic(
				wit.Tuple2[string, *narthex_plugin_secrets.Secret]{F0: header.Plain, F1: inner(header.Secret)})
		default:
			headers[i].F1 = narthex_plugin_http.MakeHeaderValueSecret(inner(header.Secret))
		}
	}
	out := narthex_plugin_http.Request{
		Method:    request.Method,
		Url:       request.URL,
		Headers:   headers,
		Body:      wit.None[[]uint8](),
		TimeoutMs: wit.None[uint32](),
		Tls:       option(request.TLS),
	}
	if request.Body != nil {
		out.Body = wit.Some(request.Body)
	}
	if request.TimeoutMs > 0 {
		out.TimeoutMs = wit.Some(request.TimeoutMs)
	}
	return out
}

func (host) Send(request *gate.Request) (*gate.Response, error) {
	response, err := answer(narthex_plugin_http.Send(outgoing(request)))
	if err != nil {
		return nil, err
	}
	return &gate.Response{
		Status:  int(response.Status),
		Headers: FromTuples(response.Headers),
		Body:    response.Body,
	}, nil
}

func (host) Fetch(request *gate.Request) (*gate.Stored, error) {
	stored, err := answer(narthex_plugin_http.Fetch(outgoing(request)))
	if err != nil {
		return nil, err
	}
	return &gate.Stored{
		Status:      int(stored.Status),
		ContentType: stored.ContentType,
		Length:      stored.Length,
		Handle:      stored.Handle,
	}, nil
}

type connection struct {
	inner *narthex_plugin_tcp.Connection
}

func (host) Connect(name string, port uint16, tls *string) (gate.Connection, error) {
	inner, err := answer(narthex_plugin_tcp.Connect(name, port, option(tls)))
	if err != nil {
		return nil, err
	}
	open = append(open, inner)
	return connection{inner}, nil
}

func (c connection) Write(data []byte) error { return done(c.inner.Write(data)) }

func (c connection) WriteSecret(prefix []byte, secret gate.Secret, suffix []byte) error {
	return done(c.inner.WriteSecret(prefix, inner(secret), suffix))
}

func (c connection) Read(max uint32) ([]byte, error) { return answer(c.inner.Read(max)) }

func (c connection) ReadUntil(delimiter []byte, max uint32) ([]byte, error) {
	return answer(c.inner.ReadUntil(delimiter, max))
}

func (c connection) ReadExact(count uint32) ([]byte, error) { return answer(c.inner.ReadExact(count)) }

func (c connection) StartTLS(profile string, serverName *string) error {
	return done(c.inner.StartTls(profile, option(serverName)))
}

func (c connection) Session() *gate.TLSSession {
	session := c.inner.Session()
	if !session.IsSome() {
		return nil
	}
	agreed := session.Some()
	return &gate.TLSSession{
		Version: agreed.Version, Cipher: agreed.Cipher, Certificates: agreed.Certificates,
	}
}

func (c connection) Peer() string { return c.inner.Peer() }

func (c connection) Close() error {
	c.inner.Drop()
	return nil
}

type socket struct {
	inner *narthex_plugin_udp.Socket
}

func (host) ConnectUDP(name string, port uint16) (gate.Socket, error) {
	inner, err := answer(narthex_plugin_udp.Connect(name, port))
	if err != nil {
		return nil, err
	}
	open = append(open, inner)
	return socket{inner}, nil
}

func (s socket) Send(data []byte) error             { return done(s.inner.Send(data)) }
func (s socket) Receive(max uint32) ([]byte, error) { return answer(s.inner.Receive(max)) }

func (s socket) Close() error {
	s.inner.Drop()
	return nil
}

func (host) Ping(name string, payloadBytes uint16) (string, uint64, error) {
	reply, err := answer(narthex_plugin_icmp.Ping(name, payloadBytes))
	return reply.Address, reply.Nanoseconds, err
}

func (host) Resolve(name string) ([]string, error) { return answer(narthex_plugin_names.Resolve(name)) }

func (host) ReadFile(path string) ([]byte, error)  { return answer(narthex_plugin_files.Read(path)) }
func (host) Entries(path string) ([]string, error) { return answer(narthex_plugin_files.Entries(path)) }
func (host) Link(path string) (string, error)      { return answer(narthex_plugin_files.Link(path)) }

func (host) FileSystem(path string) (*gate.Capacity, error) {
	capacity, err := answer(narthex_plugin_files.FileSystem(path))
	if err != nil {
		return nil, err
	}
	return &gate.Capacity{
		Bytes: capacity.Bytes, BytesFree: capacity.BytesFree, BytesAvailable: capacity.BytesAvailable,
		Files: capacity.Files, FilesFree: capacity.FilesFree, ReadOnly: capacity.ReadOnly,
	}, nil
}

func (host) State(key string) ([]byte, bool, error) {
	value, err := answer(narthex_plugin_state.Get(key))
	if err != nil || !value.IsSome() {
		return nil, false, err
	}
	return value.Some(), true, nil
}

func (host) SetState(key string, value []byte) error {
	return done(narthex_plugin_state.Set(key, value))
}

type watch struct {
	inner *narthex_plugin_kubernetes.Watch
}

func (host) Watch(apiVersion, kind string, namespace, selector *string) (gate.Watch, error) {
	inner, err := answer(narthex_plugin_kubernetes.Open(apiVersion, kind, option(namespace), option(selector)))
	if err != nil {
		return nil, err
	}
	return watch{inner}, nil
}

func (w watch) Drain(max uint32) ([]gate.Event, error) {
	drained, err := answer(w.inner.Drain(max))
	if err != nil {
		return nil, err
	}
	events := make([]gate.Event, len(drained))
	for i, event := range drained {
		events[i] = gate.Event{Change: event.Change, Object: event.Object}
	}
	return events, nil
}

func (w watch) Synced() bool { return w.inner.Synced() }

func (w watch) Close() error {
	w.inner.Drop()
	return nil
}
