package narthexsdk

import (
	"narthexsdk/internal/gate"
	"narthexsdk/internal/slot"
)

// Exporter reads targets. It may also have the methods of Healther, Stopper and Reconfigurer.
type Exporter interface {
	// Collect reads one target into the batch. After an error nothing of the batch is kept, and
	// the target is down with the error's text.
	Collect(target Target, batch *Batch) error
}

// Export makes an exporter the component's; call it once, in the program's init. New is called
// with the job's plugin_config, whose fields must all be in C. Its error is the job's: every scrape
// fails with it.
func Export[C any](new func(config C) (Exporter, error)) {
	var exporter Exporter
	register(new, &exporter)
	slot.Collect = func(target slot.Target) (slot.Payload, error) {
		if exporter == nil {
			return slot.Payload{}, notBegun()
		}
		batch := NewBatch()
		err := exporter.Collect(Target{target.Address, target.Labels, target.Params}, batch)
		return batch.finish(), err
	}
}

func notBegun() error {
	return &Error{Kind: gate.Internal, Text: "a call came before init"}
}
