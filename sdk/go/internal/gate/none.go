package gate

// none is the host of a test that has not installed one: everything is denied.
type none struct{}

func denied[T any]() (T, error) {
	var nothing T
	return nothing, &Error{Denied, "the test has installed no fake.Host"}
}

func (none) Log(uint8, string, []Pair)                      {}
func (none) Now() uint64                                    { return 0 }
func (none) Monotonic() uint64                              { return 0 }
func (none) Remaining() uint32                              { return 10_000 }
func (none) Discipline() (*Timex, error)                    { return denied[*Timex]() }
func (none) Secret(string) (Secret, error)                  { return denied[Secret]() }
func (none) Send(*Request) (*Response, error)               { return denied[*Response]() }
func (none) Fetch(*Request) (*Stored, error)                { return denied[*Stored]() }
func (none) ConnectUDP(string, uint16) (Socket, error)      { return denied[Socket]() }
func (none) Resolve(string) ([]string, error)               { return denied[[]string]() }
func (none) ReadFile(string) ([]byte, error)                { return denied[[]byte]() }
func (none) Entries(string) ([]string, error)               { return denied[[]string]() }
func (none) Link(string) (string, error)                    { return denied[string]() }
func (none) FileSystem(string) (*Capacity, error)           { return denied[*Capacity]() }
func (none) Watch(_, _ string, _, _ *string) (Watch, error) { return denied[Watch]() }
func (none) Settle()                                        {}

func (none) Connect(string, uint16, *string) (Connection, error) { return denied[Connection]() }

func (none) Ping(string, uint16) (string, uint64, error) {
	address, err := denied[string]()
	return address, 0, err
}

func (none) State(string) ([]byte, bool, error) {
	value, err := denied[[]byte]()
	return value, false, err
}

func (none) SetState(string, []byte) error {
	_, err := denied[struct{}]()
	return err
}
