package template

import (
	"encoding/json"
	"errors"
	"fmt"
	html "html/template"
	"net/url"
	"regexp"
	"sort"
	"strings"
	"time"
	"unicode"
)

// Pair is a name and a value.
type Pair struct{ Name, Value string }

// Pairs are in an order.
type Pairs []Pair

// KV is a set of pairs.
type KV map[string]string

// Alert is one alert of a notification.
type Alert struct {
	Status       string    `json:"status"`
	Labels       KV        `json:"labels"`
	Annotations  KV        `json:"annotations"`
	StartsAt     time.Time `json:"startsAt"`
	EndsAt       time.Time `json:"endsAt"`
	GeneratorURL string    `json:"generatorURL"`
	Fingerprint  string    `json:"fingerprint"`
}

// Alerts are the alerts of a notification.
type Alerts []Alert

// Data is what a notification is about.
type Data struct {
	Receiver          string `json:"receiver"`
	Status            string `json:"status"`
	Alerts            Alerts `json:"alerts"`
	GroupLabels       KV     `json:"groupLabels"`
	CommonLabels      KV     `json:"commonLabels"`
	CommonAnnotations KV     `json:"commonAnnotations"`
	ExternalURL       string `json:"externalURL"`
}

// Names are the names of the pairs.
func (ps Pairs) Names() (names []string) {
	for _, p := range ps {
		names = append(names, p.Name)
	}
	return names
}

// Values are the values of the pairs.
func (ps Pairs) Values() (values []string) {
	for _, p := range ps {
		values = append(values, p.Value)
	}
	return values
}

func (ps Pairs) String() string {
	var shown []string
	for _, p := range ps {
		shown = append(shown, p.Name+"="+p.Value)
	}
	return strings.Join(shown, ", ")
}

// SortedPairs has the alert's name first.
func (kv KV) SortedPairs() Pairs {
	pairs := Pairs{}
	for name, value := range kv {
		pairs = append(pairs, Pair{name, value})
	}
	sort.Slice(pairs, func(i, j int) bool {
		if (pairs[i].Name == "alertname") != (pairs[j].Name == "alertname") {
			return pairs[i].Name == "alertname"
		}
		return pairs[i].Name < pairs[j].Name
	})
	return pairs
}

// Remove is the set without some names.
func (kv KV) Remove(names []string) KV {
	left := KV{}
	for name, value := range kv {
		left[name] = value
	}
	for _, name := range names {
		delete(left, name)
	}
	return left
}

// Names are the names in order.
func (kv KV) Names() []string { return kv.SortedPairs().Names() }

// Values are the values in order of the names.
func (kv KV) Values() []string { return kv.SortedPairs().Values() }

func (kv KV) String() string { return kv.SortedPairs().String() }

func (as Alerts) with(status string) []Alert {
	found := []Alert{}
	for _, a := range as {
		if a.Status == status {
			found = append(found, a)
		}
	}
	return found
}

// Firing are the alerts that are.
func (as Alerts) Firing() []Alert { return as.with("firing") }

// Resolved are the alerts that are not any more.
func (as Alerts) Resolved() []Alert { return as.with("resolved") }

// Now is what the function of that name gives.
var Now = time.Date(2026, 2, 3, 4, 5, 6, 789_000_000, time.UTC)

// Fill finds what follows from the alerts.
func (d *Data) Fill() {
	d.Status, d.CommonLabels, d.CommonAnnotations = "resolved", KV{}, KV{}
	for i, a := range d.Alerts {
		if a.Status == "firing" {
			d.Status = "firing"
		}
		if i == 0 {
			d.CommonLabels, d.CommonAnnotations = a.Labels.Remove(nil), a.Annotations.Remove(nil)
		}
		for _, both := range [][2]KV{{d.CommonLabels, a.Labels}, {d.CommonAnnotations, a.Annotations}} {
			for name, value := range both[0] {
				if both[1][name] != value {
					delete(both[0], name)
				}
			}
		}
	}
}

// Notification are the functions that Alertmanager adds.
var Notification = map[string]any{
	"toUpper": strings.ToUpper,
	"toLower": strings.ToLower,
	"title": func(text string) string {
		before := ' '
		return strings.Map(func(r rune) rune {
			is := unicode.IsLetter(before) || before == '\''
			before = r
			if is {
				return unicode.ToLower(r)
			}
			return unicode.ToTitle(r)
		}, text)
	},
	"trimSpace": strings.TrimSpace,
	"join":      func(sep string, all []string) string { return strings.Join(all, sep) },
	"match":     regexp.MatchString,
	"safeHtml":  func(text string) html.HTML { return html.HTML(text) },
	"safeUrl":   func(text string) html.URL { return html.URL(text) },
	"reReplaceAll": func(pattern, with, text string) string {
		return regexp.MustCompile(pattern).ReplaceAllString(text, with)
	},
	"stringSlice": func(all ...string) []string { return all },
	"urlUnescape": url.QueryUnescape,
	"date":        func(layout string, t time.Time) string { return t.Format(layout) },
	"tz": func(name string, t time.Time) (time.Time, error) {
		zone, err := time.LoadLocation(name)
		if err != nil {
			return time.Time{}, err
		}
		return t.In(zone), nil
	},
	"now":              func() time.Time { return Now },
	"since":            func(t time.Time) time.Duration { return Now.Sub(t) },
	"humanizeDuration": sure(humanizeDuration),
	"toDate": func(layout, text string) time.Time {
		t, _ := time.Parse(layout, text)
		return t
	},
	"mustToDate": func(layout, text string) (time.Time, error) { return time.Parse(layout, text) },
	"toJson": func(value any) (string, error) {
		text, err := json.Marshal(value)
		return string(text), err
	},
	"list":   func(all ...any) []any { return append([]any{}, all...) },
	"append": func(all []any, more ...any) []any { return append(all, more...) },
	"dict": func(all ...any) (map[string]any, error) {
		if len(all)%2 != 0 {
			return nil, errors.New("dict requires an even number of arguments")
		}
		named := map[string]any{}
		for i := 0; i < len(all); i += 2 {
			name, ok := all[i].(string)
			if !ok {
				return nil, fmt.Errorf("dict keys must be strings, got %T", all[i])
			}
			named[name] = all[i+1]
		}
		return named, nil
	},
}
