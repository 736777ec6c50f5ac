//go:build narthex && narthex_exporter

// Package export_narthex_plugin_collector is what the bindings call for the interface collector.
package export_narthex_plugin_collector

import (
	"narthexsdk/internal/bindings/imports/narthex_plugin_collector"
	"narthexsdk/internal/bindings/imports/narthex_plugin_types"
	"narthexsdk/internal/component"
	"narthexsdk/internal/slot"
	wit "narthexsdk/internal/wit/types"
)

// Collect reads one target.
func Collect(target narthex_plugin_collector.Target) wit.Result[narthex_plugin_types.Payload, narthex_plugin_types.Error] {
	defer component.EndCall()
	payload, err := slot.Guard(func() (slot.Payload, error) {
		return slot.Collect(slot.Target{
			Address: target.Address,
			Labels:  component.FromTuples(target.Labels),
			Params:  component.FromTuples(target.Params),
		})
	})
	if err != nil {
		return wit.Err[narthex_plugin_types.Payload](component.Fault(err))
	}
	return wit.Ok[narthex_plugin_types.Payload, narthex_plugin_types.Error](outgoing(payload))
}

func outgoing(payload slot.Payload) narthex_plugin_types.Payload {
	switch {
	case payload.Response != nil:
		return narthex_plugin_types.MakePayloadResponse(payload.Response.Handle)
	case payload.Exposition != nil:
		return narthex_plugin_types.MakePayloadExposition(
			wit.Tuple2[string, []uint8]{F0: payload.ContentType, F1: payload.Exposition})
	}
	batch := payload.Batch
	families := make([]narthex_plugin_types.Family, len(batch.Families))
	for i, family := range batch.Families {
		families[i] = narthex_plugin_types.Family{
			Name:    family.Name,
			Help:    family.Help,
			Unit:    family.Unit,
			Kind:    family.Kind,
			Samples: family.Samples,
		}
	}
	return narthex_plugin_types.MakePayloadBatch(narthex_plugin_types.Batch{
		Symbols:     batch.Symbols,
		Families:    families,
		LabelCounts: batch.LabelCounts,
		Labels:      batch.Labels,
		Values:      batch.Values,
		Timestamps:  batch.Timestamps,
	})
}
