package narthexsdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"narthexsdk/internal/slot"
)

// NoConfig is the configuration of a plugin that has none: anything in plugin_config is an error.
type NoConfig struct{}

// Healther is a plugin that is asked after it was made, before it is put to work.
type Healther interface {
	// Health returns why the instance cannot be put to work.
	Health() error
}

// Stopper is a plugin that wants to know of its end.
type Stopper interface {
	// Stop is the last call of an instance that ends in peace.
	Stop()
}

// Reconfigurer is a plugin that takes another configuration while it runs; without it the host
// makes a new instance.
type Reconfigurer[C any] interface {
	// Reconfigure takes the configuration, or returns false: then a new instance is made for it.
	Reconfigure(config C) (bool, error)
}

// register sets what all worlds have: the plugin is made by init and kept in its variable.
func register[C any, P any](new func(config C) (P, error), plugin *P) {
	slot.Init = func(text string) error {
		config, err := decode[C](text)
		if err != nil {
			return err
		}
		made, err := new(config)
		if err == nil {
			*plugin = made
		}
		return err
	}
	slot.Reconfigure = func(text string) (bool, error) {
		taker, takes := any(*plugin).(Reconfigurer[C])
		if !takes {
			return false, nil
		}
		config, err := decode[C](text)
		if err != nil {
			return false, err
		}
		return taker.Reconfigure(config)
	}
	slot.Health = func() error {
		if any(*plugin) == nil {
			return notBegun()
		}
		if healther, has := any(*plugin).(Healther); has {
			return healther.Health()
		}
		return nil
	}
	slot.Shutdown = func() {
		if stopper, has := any(*plugin).(Stopper); has {
			stopper.Stop()
		}
		var nothing P
		*plugin = nothing
	}
}

func decode[C any](text string) (C, error) {
	var config C
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	// A typing mistake is an error and not a default.
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&config)
	if err == nil {
		if _, after := decoder.Token(); !errors.Is(after, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	if err != nil {
		return config, Errorf(ConfigError, "plugin_config: %v", err)
	}
	return config, nil
}
