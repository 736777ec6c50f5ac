package narthexsdk

import (
	"fmt"
	"strconv"
	"strings"

	"narthexsdk/http"
	"narthexsdk/internal/gate"
	"narthexsdk/internal/slot"
)

// MetricKind is the type of a metric family.
type MetricKind uint8

// The types of metric families, as in OpenMetrics.
const (
	Unknown MetricKind = iota
	Counter
	Gauge
	Histogram
	Summary
	Info
	Stateset
)

// The label that gives a sample a name of its own.
const nameLabel = "__name__"

// So many samples come between two looks at how much garbage there is.
const samplesBetweenLooks = 1024

// Batch takes the samples of one collection.
type Batch struct {
	inner   slot.Batch
	index   map[string]uint32
	payload slot.Payload
}

// NewBatch makes an empty batch. Collect is handed one; tests make their own.
func NewBatch() *Batch {
	return &Batch{
		inner: slot.Batch{Symbols: []string{""}},
		index: map[string]uint32{"": 0},
	}
}

// Family is a metric family: the samples that are added to it follow one another, so a family is
// complete before the next one begins.
type Family struct {
	batch *Batch
	index int
}

// Family begins a family of any type.
func (b *Batch) Family(kind MetricKind, name, help string) *Family {
	b.inner.Families = append(b.inner.Families, slot.Family{
		Name: b.symbol(name),
		Help: b.symbol(help),
		Kind: uint8(kind),
	})
	return &Family{b, len(b.inner.Families) - 1}
}

// Gauge begins a family of gauges.
func (b *Batch) Gauge(name, help string) *Family { return b.Family(Gauge, name, help) }

// Counter begins a family of counters; the name is whole, "_total" included.
func (b *Batch) Counter(name, help string) *Family { return b.Family(Counter, name, help) }

// Unit sets the family's unit.
func (f *Family) Unit(unit string) *Family {
	f.batch.inner.Families[f.index].Unit = f.batch.symbol(unit)
	return f
}

// Sample adds a sample that is named as the family is.
func (f *Family) Sample(value float64, labels ...Label) *Family {
	return f.push("", value, labels)
}

// Suffixed adds a sample with a suffix to the family's name: "_sum", "_count", "_bucket".
func (f *Family) Suffixed(suffix string, value float64, labels ...Label) *Family {
	name := f.batch.inner.Symbols[f.batch.inner.Families[f.index].Name]
	return f.push(name+suffix, value, labels)
}

// At gives the sample that was added last a time, in milliseconds since the Unix epoch. In a
// batch where one sample has a time all have one, so the others get the present one.
func (f *Family) At(timestampMs int64) *Family {
	inner := &f.batch.inner
	if len(inner.Values) == 0 {
		return f
	}
	f.batch.stamp()
	inner.Timestamps[len(inner.Timestamps)-1] = timestampMs
	return f
}

func (f *Family) push(name string, value float64, labels []Label) *Family {
	b := f.batch
	if f.index != len(b.inner.Families)-1 {
		panic("a sample of " + b.inner.Symbols[b.inner.Families[f.index].Name] +
			" comes after the next family has begun")
	}
	count := uint32(len(labels))
	if name != "" {
		count++
		b.inner.Labels = append(b.inner.Labels, b.symbol(nameLabel), b.symbol(name))
	}
	for _, label := range labels {
		b.inner.Labels = append(b.inner.Labels, b.symbol(label.Name), b.symbol(label.Value))
	}
	b.inner.LabelCounts = append(b.inner.LabelCounts, count)
	b.inner.Values = append(b.inner.Values, value)
	b.inner.Families[f.index].Samples++
	if len(b.inner.Timestamps) > 0 {
		b.stamp()
	}
	if len(b.inner.Values)%samplesBetweenLooks == 0 {
		gate.Current.Settle()
	}
	return f
}

func (b *Batch) stamp() {
	now := int64(gate.Current.Now())
	for len(b.inner.Timestamps) < len(b.inner.Values) {
		b.inner.Timestamps = append(b.inner.Timestamps, now)
	}
}

// Len is how many samples there are.
func (b *Batch) Len() int { return len(b.inner.Values) }

// Exposition makes text the collection's result, in place of the batch's samples: the host parses
// it by its content type.
func (b *Batch) Exposition(contentType string, text []byte) {
	if text == nil {
		text = []byte{}
	}
	b.payload = slot.Payload{ContentType: contentType, Exposition: text}
}

// Response makes the body of a response that stayed with the host (http.Fetch) the collection's
// result, in place of the batch's samples.
func (b *Batch) Response(stored *http.Stored) {
	b.payload = slot.Payload{Response: (*gate.Stored)(stored)}
}

func (b *Batch) finish() slot.Payload {
	b.payload.Batch = &b.inner
	return b.payload
}

// Text is the samples, one `name{label="value"} number` a line: what a test compares.
func (b *Batch) Text() string {
	var text strings.Builder
	sample, at := 0, 0
	symbol := func(i uint32) string { return b.inner.Symbols[i] }
	for _, family := range b.inner.Families {
		for range family.Samples {
			name, pairs := symbol(family.Name), []string(nil)
			for range b.inner.LabelCounts[sample] {
				key, value := symbol(b.inner.Labels[at]), symbol(b.inner.Labels[at+1])
				at += 2
				if key == nameLabel {
					name = value
				} else {
					pairs = append(pairs, key+`="`+quoted.Replace(value)+`"`)
				}
			}
			text.WriteString(name)
			if len(pairs) > 0 {
				fmt.Fprintf(&text, "{%s}", strings.Join(pairs, ","))
			}
			text.WriteByte(' ')
			text.WriteString(strconv.FormatFloat(b.inner.Values[sample], 'g', -1, 64))
			text.WriteByte('\n')
			sample++
		}
	}
	return text.String()
}

var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (b *Batch) symbol(text string) uint32 {
	if index, found := b.index[text]; found {
		return index
	}
	index := uint32(len(b.inner.Symbols))
	b.inner.Symbols = append(b.inner.Symbols, text)
	b.index[text] = index
	return index
}
