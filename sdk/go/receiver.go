package narthexsdk

import (
	"time"

	"narthexsdk/internal/slot"
)

// Alert is an alert of a Notification.
type Alert struct {
	Firing bool
	// Fingerprint is 16 hexadecimal digits, the same for the same labels.
	Fingerprint string
	Labels      []Label
	Annotations []Label
	StartsAt    time.Time
	// EndsAt is zero as long as the alert fires.
	EndsAt       time.Time
	GeneratorURL string
}

// Label returns the value of a label.
func (a Alert) Label(name string) (string, bool) { return value(a.Labels, name) }

// Annotation returns the value of an annotation.
func (a Alert) Annotation(name string) (string, bool) { return value(a.Annotations, name) }

// Notification is what is to be delivered.
type Notification struct {
	GroupKey string
	// Receiver is the receiver's name in the configuration.
	Receiver          string
	GroupLabels       []Label
	CommonLabels      []Label
	CommonAnnotations []Label
	ExternalURL       string
	// Truncated is how many alerts were left out.
	Truncated int
	Alerts    []Alert
}

// Outcome is what came of a notification.
type Outcome struct{ inner slot.Outcome }

// Delivered: it arrived.
func Delivered() Outcome { return Outcome{slot.Outcome{Form: slot.Delivered}} }

// Retry: not this time.
func Retry() Outcome { return Outcome{slot.Outcome{Form: slot.Retry}} }

// RetryAfter: not before so many seconds.
func RetryAfter(seconds uint32) Outcome {
	return Outcome{slot.Outcome{Form: slot.Retry, After: &seconds}}
}

// Rejected: never, the other side refuses it for this reason.
func Rejected(reason string) Outcome {
	return Outcome{slot.Outcome{Form: slot.Rejected, Reason: reason}}
}

// Receiver delivers notifications. It may also have the methods of Healther, Stopper and
// Reconfigurer.
type Receiver interface {
	// Notify delivers one notification. An error of the kinds Unavailable and Timeout is tried
	// again, any other is not.
	Notify(notification Notification) (Outcome, error)
}

// Receive makes a receiver the component's; call it once, in the program's init.
func Receive[C any](new func(config C) (Receiver, error)) {
	var receiver Receiver
	register(new, &receiver)
	slot.Notify = func(incoming slot.Notification) (slot.Outcome, error) {
		if receiver == nil {
			return slot.Outcome{}, notBegun()
		}
		outcome, err := receiver.Notify(notification(incoming))
		return outcome.inner, err
	}
}

func notification(incoming slot.Notification) Notification {
	alerts := make([]Alert, len(incoming.Alerts))
	for i, alert := range incoming.Alerts {
		alerts[i] = Alert{
			Firing:       alert.Firing,
			Fingerprint:  alert.Fingerprint,
			Labels:       alert.Labels,
			Annotations:  alert.Annotations,
			StartsAt:     time.UnixMilli(alert.StartsAt).UTC(),
			GeneratorURL: alert.GeneratorURL,
		}
		if alert.EndsAt != nil {
			alerts[i].EndsAt = time.UnixMilli(*alert.EndsAt).UTC()
		}
	}
	return Notification{
		GroupKey:          incoming.GroupKey,
		Receiver:          incoming.Receiver,
		GroupLabels:       incoming.GroupLabels,
		CommonLabels:      incoming.CommonLabels,
		CommonAnnotations: incoming.CommonAnnotations,
		ExternalURL:       incoming.ExternalURL,
		Truncated:         int(incoming.Truncated),
		Alerts:            alerts,
	}
}
