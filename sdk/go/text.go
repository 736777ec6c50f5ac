package narthexsdk

import (
	"strconv"
	"strings"
)

// AddText adds the samples of a text in Prometheus' format, version 0.0.4: what a plugin does that
// wants to change some of what it reads. Text that is to be taken as it is need not be parsed:
// hand it to Exposition.
func (b *Batch) AddText(text string) error {
	parser := textParser{batch: b}
	for number := 1; text != ""; number++ {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if fault := parser.line(strings.TrimSuffix(line, "\r")); fault != "" {
			return Errorf(ProtocolError, "line %d: %s", number, fault)
		}
	}
	return nil
}

type textParser struct {
	batch *Batch
	// The family under way, as the comments before its samples describe it.
	name, help string
	kind       MetricKind
	family     *Family
}

var kindNames = map[string]MetricKind{
	"counter": Counter, "gauge": Gauge, "histogram": Histogram, "summary": Summary,
	"untyped": Unknown, "unknown": Unknown, "info": Info, "stateset": Stateset,
}

// line takes one line; it returns what is wrong with it.
func (p *textParser) line(line string) string {
	line = strings.TrimLeft(line, " \t")
	switch {
	case line == "":
		return ""
	case line[0] == '#':
		return p.comment(line[1:])
	default:
		return p.sample(line)
	}
}

func (p *textParser) comment(line string) string {
	word, rest := cutBlank(line)
	if word != "HELP" && word != "TYPE" {
		return ""
	}
	name, rest := cutBlank(rest)
	if name == "" {
		return word + " without a name"
	}
	if name != p.name || p.family != nil {
		*p = textParser{batch: p.batch, name: name}
	}
	if word == "HELP" {
		p.help = unescape(rest, false)
		return ""
	}
	kind, known := kindNames[strings.TrimRight(rest, " \t")]
	if !known {
		return "the type " + strconv.Quote(rest) + " is not known"
	}
	p.kind = kind
	return ""
}

func (p *textParser) sample(line string) string {
	end := strings.IndexAny(line, "{ \t")
	if end <= 0 {
		return "not a sample"
	}
	name, rest := line[:end], strings.TrimLeft(line[end:], " \t")
	var labels []Label
	if strings.HasPrefix(rest, "{") {
		var fault string
		if labels, rest, fault = readLabels(rest[1:]); fault != "" {
			return fault
		}
	}
	number, rest := cutBlank(rest)
	value, err := strconv.ParseFloat(number, 64)
	if err != nil && !strings.Contains(err.Error(), "out of range") {
		return strconv.Quote(number) + " is not a number"
	}
	suffix, belongs := p.suffix(name)
	if !belongs {
		*p = textParser{batch: p.batch, name: name}
	}
	if p.family == nil {
		p.family = p.batch.Family(p.kind, p.name, p.help)
	}
	if suffix == "" {
		p.family.Sample(value, labels...)
	} else {
		p.family.Suffixed(suffix, value, labels...)
	}
	if stamp, _ := cutBlank(rest); stamp != "" {
		ms, err := strconv.ParseInt(stamp, 10, 64)
		if err != nil {
			return strconv.Quote(stamp) + " is not a time in milliseconds"
		}
		p.family.At(ms)
	}
	return ""
}

// suffix tells whether a sample is of the family under way, and by what its name is longer.
func (p *textParser) suffix(name string) (string, bool) {
	rest, found := strings.CutPrefix(name, p.name)
	if !found || p.name == "" {
		return "", false
	}
	switch {
	case rest == "":
		return "", true
	case rest == "_sum" || rest == "_count":
		return rest, p.kind == Histogram || p.kind == Summary
	case rest == "_bucket":
		return rest, p.kind == Histogram
	default:
		return "", false
	}
}

// readLabels reads what follows an opening brace, up to and with the closing one.
func readLabels(text string) (labels []Label, rest string, fault string) {
	for {
		text = strings.TrimLeft(text, " \t,")
		if rest, closed := strings.CutPrefix(text, "}"); closed {
			return labels, rest, ""
		}
		name, after, found := strings.Cut(text, "=")
		after = strings.TrimLeft(after, " \t")
		if !found || !strings.HasPrefix(after, `"`) {
			return nil, "", "labels are name=\"value\", with } after them"
		}
		end := closingQuote(after[1:])
		if end < 0 {
			return nil, "", "a label's value does not end"
		}
		value := unescape(after[1:1+end], true)
		labels = append(labels, Label{Name: strings.TrimRight(name, " \t"), Value: value})
		text = after[end+2:]
	}
}

func closingQuote(text string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

func unescape(text string, quotes bool) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var plain strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			plain.WriteByte(text[i])
			continue
		}
		i++
		switch {
		case text[i] == 'n':
			plain.WriteByte('\n')
		case text[i] == '\\' || (text[i] == '"' && quotes):
			plain.WriteByte(text[i])
		default:
			plain.WriteString(text[i-1 : i+1])
		}
	}
	return plain.String()
}

func cutBlank(text string) (word, rest string) {
	text = strings.TrimLeft(text, " \t")
	at := strings.IndexAny(text, " \t")
	if at < 0 {
		return text, ""
	}
	return text[:at], strings.TrimLeft(text[at:], " \t")
}
