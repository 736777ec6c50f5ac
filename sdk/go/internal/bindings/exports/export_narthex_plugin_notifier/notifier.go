//go:build narthex && narthex_receiver

// Package export_narthex_plugin_notifier is what the bindings call for the interface notifier.
package export_narthex_plugin_notifier

import (
	"narthexsdk/internal/bindings/imports/narthex_plugin_notifier"
	"narthexsdk/internal/bindings/imports/narthex_plugin_types"
	"narthexsdk/internal/component"
	"narthexsdk/internal/slot"
	wit "narthexsdk/internal/wit/types"
)

// Notify delivers one notification.
func Notify(notification narthex_plugin_notifier.Notification) wit.Result[narthex_plugin_notifier.Outcome, narthex_plugin_types.Error] {
	defer component.EndCall()
	outcome, err := slot.Guard(func() (slot.Outcome, error) { return slot.Notify(incoming(notification)) })
	if err != nil {
		return wit.Err[narthex_plugin_notifier.Outcome](component.Fault(err))
	}
	return wit.Ok[narthex_plugin_notifier.Outcome, narthex_plugin_types.Error](outgoing(outcome))
}

func incoming(notification narthex_plugin_notifier.Notification) slot.Notification {
	alerts := make([]slot.Alert, len(notification.Alerts))
	for i, alert := range notification.Alerts {
		alerts[i] = slot.Alert{
			Firing:       alert.Firing,
			Fingerprint:  alert.Fingerprint,
			Labels:       component.FromTuples(alert.Labels),
			Annotations:  component.FromTuples(alert.Annotations),
			StartsAt:     alert.StartsAt,
			GeneratorURL: alert.GeneratorUrl,
		}
		if alert.EndsAt.IsSome() {
			endsAt := alert.EndsAt.Some()
			alerts[i].EndsAt = &endsAt
		}
	}
	return slot.Notification{
		GroupKey:          notification.GroupKey,
		Receiver:          notification.Receiver,
		GroupLabels:       component.FromTuples(notification.GroupLabels),
		CommonLabels:      component.FromTuples(notification.CommonLabels),
		CommonAnnotations: component.FromTuples(notification.CommonAnnotations),
		ExternalURL:       notification.ExternalUrl,
		Truncated:         notification.Truncated,
		Alerts:            alerts,
	}
}

func outgoing(outcome slot.Outcome) narthex_plugin_notifier.Outcome {
	switch outcome.Form {
	case slot.Retry:
		after := wit.None[uint32]()
		if outcome.After != nil {
			after = wit.Some(*outcome.After)
		}
		return narthex_plugin_notifier.MakeOutcomeRetry(after)
	case slot.Rejected:
		return narthex_plugin_notifier.MakeOutcomeRejected(outcome.Reason)
	default:
		return narthex_plugin_notifier.MakeOutcomeDelivered()
	}
}
