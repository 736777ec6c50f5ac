package narthexsdk

import "narthexsdk/internal/gate"

// Label is a label's name and value.
type Label = gate.Pair

// Labels makes labels of names and values that take turns: Labels("command", "get", "db", "0").
// A name without a value gets the empty one.
func Labels(namesAndValues ...string) []Label {
	labels := make([]Label, 0, (len(namesAndValues)+1)/2)
	for i := 0; i < len(namesAndValues); i += 2 {
		label := Label{Name: namesAndValues[i]}
		if i+1 < len(namesAndValues) {
			label.Value = namesAndValues[i+1]
		}
		labels = append(labels, label)
	}
	return labels
}

func value(pairs []Label, name string) (string, bool) {
	for _, pair := range pairs {
		if pair.Name == name {
			return pair.Value, true
		}
	}
	return "", false
}
