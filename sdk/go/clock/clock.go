// Package clock tells the time. The standard library's time.Now works too; this one is what a
// test's fake.Host sets.
package clock

import (
	"time"

	"narthexsdk/internal/gate"
)

// Timex is what adjtimex(2) tells, in its own numbers.
type Timex = gate.Timex

// Now is the time.
func Now() time.Time { return time.UnixMilli(int64(gate.Current.Now())) }

// Monotonic is the time from a point of the host's choice; it never goes back.
func Monotonic() time.Duration { return time.Duration(gate.Current.Monotonic()) }

// Remaining is the time until the host stops the call that is under way.
func Remaining() time.Duration { return time.Duration(gate.Current.Remaining()) * time.Millisecond }

// Discipline tells how the kernel disciplines the clock of the host's machine.
func Discipline() (*Timex, error) { return gate.Current.Discipline() }
