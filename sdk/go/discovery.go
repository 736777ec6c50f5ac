package narthexsdk

import "narthexsdk/internal/slot"

// Group is targets that have labels in common.
type Group struct {
	// Source names the group among those of its job: a group of the same source takes its place.
	Source string
	// Targets are the labels of each target; __address__ is among them.
	Targets [][]Label
	// Labels are those of all of them; a target's own come first.
	Labels []Label
}

// Discoverer finds targets. It may also have the methods of Healther, Stopper and Reconfigurer.
type Discoverer interface {
	// Refresh returns all groups that there are now. After an error those of the last call stay.
	Refresh() ([]Group, error)
}

// Discover makes a discoverer the component's; call it once, in the program's init.
func Discover[C any](new func(config C) (Discoverer, error)) {
	var discoverer Discoverer
	register(new, &discoverer)
	slot.Refresh = func() ([]slot.Group, error) {
		if discoverer == nil {
			return nil, notBegun()
		}
		groups, err := discoverer.Refresh()
		if err != nil {
			return nil, err
		}
		found := make([]slot.Group, len(groups))
		for i, group := range groups {
			found[i] = slot.Group{Source: group.Source, Targets: group.Targets, Labels: group.Labels}
		}
		return found, nil
	}
}
