// Package slot holds the one plugin of a component between the host's calls, in types that are
// not the bindings', so that a test needs none of those.
package slot

import (
	"fmt"

	"narthexsdk/internal/gate"
)

// Family is a metric family of a Batch.
type Family struct {
	Name, Help, Unit uint32
	Kind             uint8
	Samples          uint32
}

// Batch is a batch as it crosses the boundary.
type Batch struct {
	Symbols     []string
	Families    []Family
	LabelCounts []uint32
	Labels      []uint32
	Values      []float64
	Timestamps  []int64
}

// Payload is what a collection brings: the first of these that is there.
type Payload struct {
	Response    *gate.Stored
	ContentType string
	Exposition  []byte
	Batch       *Batch
}

// Target is what is to be read.
type Target struct {
	Address string
	Labels  []gate.Pair
	Params  []gate.Pair
}

// Group is a group of targets.
type Group struct {
	Source  string
	Targets [][]gate.Pair
	Labels  []gate.Pair
}

// Alert is an alert of a Notification.
type Alert struct {
	Firing       bool
	Fingerprint  string
	Labels       []gate.Pair
	Annotations  []gate.Pair
	StartsAt     int64
	EndsAt       *int64
	GeneratorURL string
}

// Notification is what is to be delivered.
type Notification struct {
	GroupKey          string
	Receiver          string
	GroupLabels       []gate.Pair
	CommonLabels      []gate.Pair
	CommonAnnotations []gate.Pair
	ExternalURL       string
	Truncated         uint32
	Alerts            []Alert
}

// The forms of an Outcome.
const (
	Delivered = iota
	Retry
	Rejected
)

// Outcome is what came of a notification.
type Outcome struct {
	Form   int
	After  *uint32
	Reason string
}

func missing() error {
	return &gate.Error{Kind: gate.Internal, Text: "the program registers no plugin of this world in its init()"}
}

// What the plugin does; set by the functions that register one, in the program's init().
var (
	Init        = func(config string) error { return missing() }
	Reconfigure = func(config string) (bool, error) { return false, nil }
	Health      = func() error { return missing() }
	Shutdown    = func() {}
	Collect     = func(target Target) (Payload, error) { return Payload{}, missing() }
	Refresh     = func() ([]Group, error) { return nil, missing() }
	Notify      = func(notification Notification) (Outcome, error) { return Outcome{}, missing() }
)

// Guard runs a call and makes an error of a panic: a plugin that panics has failed this once and
// goes on with the next call, where a trap would cost its instance.
func Guard[T any](call func() (T, error)) (value T, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &gate.Error{Kind: gate.Internal, Text: fmt.Sprintf("panic: %v", cause)}
		}
	}()
	return call()
}
