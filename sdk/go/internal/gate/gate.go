// Package gate is the way out of a plugin: inside a component Current is the host's imports, in a
// test it is the fake host that the test has installed.
package gate

// Kind is the kind of an error, in the contract's order.
type Kind uint8

// The kinds.
const (
	Config Kind = iota
	Unavailable
	Timeout
	Denied
	Protocol
	Internal
)

var kinds = [...]string{"config", "unavailable", "timeout", "denied", "protocol", "internal"}

func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return "internal"
}

// Error is an error of a kind; narthexsdk.Error is the same type.
type Error struct {
	Kind Kind
	Text string
}

func (e *Error) Error() string {
	if e.Text == "" {
		return e.Kind.String()
	}
	return e.Kind.String() + ": " + e.Text
}

// Pair is a name and a value.
type Pair struct {
	Name, Value string
}

// Secret is a secret of the host.
type Secret interface {
	Reveal() (string, error)
	Close() error
}

// The forms of a header's value.
const (
	HeaderPlain = iota
	HeaderBearer
	HeaderBasic
	HeaderSecret
)

// Header is a header of a request.
type Header struct {
	Form   int
	Name   string
	Plain  string // the value, or the user of HeaderBasic
	Secret Secret
}

// Request is an HTTP request.
type Request struct {
	Method    string
	URL       string
	Headers   []Header
	Body      []byte
	TimeoutMs uint32 // 0: the call's own
	TLS       *string
}

// Response is the answer to one.
type Response struct {
	Status  int
	Headers []Pair
	Body    []byte
}

// Stored is an answer whose body stays with the host.
type Stored struct {
	Status      int
	ContentType string
	Length      uint64
	Handle      uint64
}

// TLSSession is what was agreed with the other side.
type TLSSession struct {
	Version, Cipher string
	Certificates    [][]byte
}

// Connection is a TCP connection.
type Connection interface {
	Write(data []byte) error
	WriteSecret(prefix []byte, secret Secret, suffix []byte) error
	Read(max uint32) ([]byte, error)
	ReadUntil(delimiter []byte, max uint32) ([]byte, error)
	ReadExact(count uint32) ([]byte, error)
	StartTLS(profile string, serverName *string) error
	Session() *TLSSession
	Peer() string
	Close() error
}

// Socket is a UDP socket.
type Socket interface {
	Send(data []byte) error
	Receive(max uint32) ([]byte, error)
	Close() error
}

// Capacity is a file system in numbers.
type Capacity struct {
	Bytes, BytesFree, BytesAvailable, Files, FilesFree uint64
	ReadOnly                                           bool
}

// Timex is what adjtimex(2) tells of the clock, in its own numbers. A frequency is in millionths,
// shifted by 16 bits: 65536 is one in a million.
type Timex struct {
	// State is what the call returned: 5 is a clock that nothing synchronizes.
	State uint32
	// Status is the bits STA_...
	Status uint32
	// Offset is in nanoseconds where Status has the bit 0x2000, in microseconds where it has not.
	Offset, Frequency int64
	// MaxError and EstimatedError are microseconds.
	MaxError, EstimatedError int64
	// Constant is that of the phase-locked loop.
	Constant int64
	// Precision is microseconds.
	Precision int64
	// Tolerance is how far the frequency can be adjusted.
	Tolerance int64
	// Tick is microseconds.
	Tick int64
	// PPSFrequency is that of the pulse per second; PPSJitter has the unit of Offset.
	PPSFrequency, PPSJitter int64
	// PPSShift is how long the pulse is measured at a time: the exponent of two of so many seconds.
	PPSShift int32
	// PPSStability is a frequency.
	PPSStability int64
	// These count, ever.
	PPSJitterExceeded, PPSCalibrations, PPSErrors, PPSStabilityExceeded int64
	// TAI is the seconds that international atomic time is ahead of UTC.
	TAI int32
}

// Synchronized tells whether the clock is synchronized to a reliable one.
func (t *Timex) Synchronized() bool { return t.State != 5 }

// UnitsPerSecond is how many units of Offset and PPSJitter a second has.
func (t *Timex) UnitsPerSecond() float64 {
	if t.Status&0x2000 != 0 {
		return 1e9
	}
	return 1e6
}

// Event is a change of a watched object.
type Event struct {
	Change uint8
	Object string
}

// Watch is a watch on objects of a cluster.
type Watch interface {
	Drain(max uint32) ([]Event, error)
	Synced() bool
	Close() error
}

// Host is all that a plugin can ask for.
type Host interface {
	Log(level uint8, message string, fields []Pair)
	Now() uint64
	Monotonic() uint64
	Remaining() uint32
	Discipline() (*Timex, error)
	Secret(name string) (Secret, error)
	Send(request *Request) (*Response, error)
	Fetch(request *Request) (*Stored, error)
	Connect(host string, port uint16, tls *string) (Connection, error)
	ConnectUDP(host string, port uint16) (Socket, error)
	Ping(host string, payloadBytes uint16) (address string, nanoseconds uint64, err error)
	Resolve(host string) ([]string, error)
	ReadFile(path string) ([]byte, error)
	Entries(path string) ([]string, error)
	Link(path string) (string, error)
	FileSystem(path string) (*Capacity, error)
	State(key string) (value []byte, found bool, err error)
	SetState(key string, value []byte) error
	Watch(apiVersion, kind string, namespace, selector *string) (Watch, error)
	// Settle is called now and then by what makes much garbage.
	Settle()
}

// Current is the host. It is never nil.
var Current Host = none{}
