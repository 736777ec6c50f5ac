//go:build narthex && narthex_discovery

// Package export_narthex_plugin_discoverer is what the bindings call for the interface discoverer.
package export_narthex_plugin_discoverer

import (
	"narthexsdk/internal/bindings/imports/narthex_plugin_discoverer"
	"narthexsdk/internal/bindings/imports/narthex_plugin_types"
	"narthexsdk/internal/component"
	"narthexsdk/internal/slot"
	wit "narthexsdk/internal/wit/types"
)

// Refresh returns all groups that there are now.
func Refresh() wit.Result[[]narthex_plugin_discoverer.Group, narthex_plugin_types.Error] {
	defer component.EndCall()
	found, err := slot.Guard(slot.Refresh)
	if err != nil {
		return wit.Err[[]narthex_plugin_discoverer.Group](component.Fault(err))
	}
	groups := make([]narthex_plugin_discoverer.Group, len(found))
	for i, group := range found {
		targets := make([][]wit.Tuple2[string, string], len(group.Targets))
		for j, target := range group.Targets {
			targets[j] = component.ToTuples(target)
		}
		groups[i] = narthex_plugin_discoverer.Group{
			Source:  group.Source,
			Targets: targets,
			Labels:  component.ToTuples(group.Labels),
		}
	}
	return wit.Ok[[]narthex_plugin_discoverer.Group, narthex_plugin_types.Error](groups)
}
