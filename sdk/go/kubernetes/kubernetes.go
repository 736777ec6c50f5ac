// Package kubernetes is objects of a cluster, of granted kinds, from watches that the host keeps.
package kubernetes

import "narthexsdk/internal/gate"

// The changes of an Event.
const (
	Added    = 0
	Modified = 1
	Deleted  = 2
)

// Event is a change of an object; the object is JSON.
type Event = gate.Event

// Watch is a watch; it outlives the call that opened it, so keep it and drain it in each call.
type Watch struct{ inner gate.Watch }

// Open opens a watch. The version is as in an object, "v1" or "apps/v1"; the empty namespace is all
// of them, the empty selector everything.
func Open(apiVersion, kind, namespace, labelSelector string) (*Watch, error) {
	inner, err := gate.Current.Watch(apiVersion, kind, option(namespace), option(labelSelector))
	if err != nil {
		return nil, err
	}
	return &Watch{inner}, nil
}

func option(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Drain returns the events since the last call, up to so many; what an instance sees first is
// everything there is, as added.
func (w *Watch) Drain(max uint32) ([]Event, error) { return w.inner.Drain(max) }

// Synced tells whether the first list is complete.
func (w *Watch) Synced() bool { return w.inner.Synced() }

// Close gives the watch back.
func (w *Watch) Close() error { return w.inner.Close() }
