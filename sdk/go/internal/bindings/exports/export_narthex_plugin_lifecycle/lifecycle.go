//go:build narthex

// Package export_narthex_plugin_lifecycle is what the bindings call for the interface lifecycle.
package export_narthex_plugin_lifecycle

import (
	"narthexsdk/internal/bindings/imports/narthex_plugin_lifecycle"
	"narthexsdk/internal/bindings/imports/narthex_plugin_types"
	"narthexsdk/internal/component"
	"narthexsdk/internal/slot"
	wit "narthexsdk/internal/wit/types"
)

// Init is called once, before anything else.
func Init(config string) wit.Result[wit.Unit, narthex_plugin_types.Error] {
	defer component.EndCall()
	_, err := slot.Guard(func() (wit.Unit, error) { return wit.Unit{}, slot.Init(config) })
	if err != nil {
		return wit.Err[wit.Unit](component.Fault(err))
	}
	return wit.Ok[wit.Unit, narthex_plugin_types.Error](wit.Unit{})
}

// Reconfigure brings another configuration.
func Reconfigure(config string) wit.Result[bool, narthex_plugin_types.Error] {
	defer component.EndCall()
	taken, err := slot.Guard(func() (bool, error) { return slot.Reconfigure(config) })
	if err != nil {
		return wit.Err[bool](component.Fault(err))
	}
	return wit.Ok[bool, narthex_plugin_types.Error](taken)
}

// Health is asked after Init.
func Health() narthex_plugin_lifecycle.HealthStatus {
	defer component.EndCall()
	_, err := slot.Guard(func() (wit.Unit, error) { return wit.Unit{}, slot.Health() })
	if err != nil {
		return narthex_plugin_lifecycle.HealthStatus{Message: err.Error()}
	}
	return narthex_plugin_lifecycle.HealthStatus{Ready: true}
}

// Shutdown is the last call of an instance that ends in peace.
func Shutdown() {
	defer component.EndCall()
	slot.Guard(func() (wit.Unit, error) {
		slot.Shutdown()
		return wit.Unit{}, nil
	})
}
