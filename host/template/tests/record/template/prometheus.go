// Package template has the data and the functions that templates of Prometheus and Alertmanager see.
package template

import (
	"errors"
	"fmt"
	html "html/template"
	"math"
	"net"
	"net/url"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
)

type sample struct {
	Labels map[string]string
	Value  any
}

type queryResult []*sample

// Series is one series of the answer to a query, as the data file has it.
type Series struct {
	Labels map[string]string
	Value  string
}

// Rule is what the templates of a rule see.
type Rule struct {
	Labels         map[string]string
	ExternalLabels map[string]string
	ExternalURL    string
	Value          string
	AtMS           int64
	Queries        map[string][]Series
}

func number(text string) any {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return value
}

// Data is the value that a template is executed with.
func (r Rule) Data() any {
	return struct {
		Labels         map[string]string
		ExternalLabels map[string]string
		ExternalURL    string
		Value          any
	}{r.Labels, r.ExternalLabels, r.ExternalURL, number(r.Value)}
}

func toFloat(value any) (float64, error) {
	switch v := value.(type) {
	case float64:
		return v, nil
	case int:
		return float64(v), nil
	case string:
		return strconv.ParseFloat(v, 64)
	case time.Duration:
		return v.Seconds(), nil
	}
	return 0, fmt.Errorf("can't convert %T to float", value)
}

// scale divides by a unit, or multiplies, until the number is handy.
func scale(v, by float64, isDone func(float64) bool, prefixes ...string) string {
	prefix := ""
	for _, next := range prefixes {
		if isDone(v) {
			break
		}
		prefix, v = next, v*by
	}
	return fmt.Sprintf("%.4g%s", v, prefix)
}

func small(v float64) string {
	return scale(v, 1000, func(v float64) bool { return math.Abs(v) >= 1 },
		"m", "u", "n", "p", "f", "a", "z", "y")
}

func isOdd(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

func humanize(v float64) string {
	switch {
	case v == 0 || isOdd(v):
		return fmt.Sprintf("%.4g", v)
	case math.Abs(v) < 1:
		return small(v)
	}
	return scale(v, 1/1000.0, func(v float64) bool { return math.Abs(v) < 1000 },
		"k", "M", "G", "T", "P", "E", "Z", "Y")
}

func humanize1024(v float64) string {
	if math.Abs(v) <= 1 || isOdd(v) {
		return fmt.Sprintf("%.4g", v)
	}
	return scale(v, 1/1024.0, func(v float64) bool { return math.Abs(v) < 1024 },
		"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
}

func humanizeDuration(v float64) string {
	switch {
	case isOdd(v):
		return fmt.Sprintf("%.4g", v)
	case v == 0:
		return "0s"
	case math.Abs(v) < 1:
		return small(v) + "s"
	}
	sign, size := "", math.Abs(v)
	if v < 0 {
		sign = "-"
	}
	s := int64(size)
	switch {
	case s >= 86400:
		return fmt.Sprintf("%s%dd %dh %dm %ds", sign, s/86400, s/3600%24, s/60%60, s%60)
	case s >= 3600:
		return fmt.Sprintf("%s%dh %dm %ds", sign, s/3600, s/60%60, s%60)
	case s >= 60:
		return fmt.Sprintf("%s%dm %ds", sign, s/60, s%60)
	}
	return fmt.Sprintf("%s%.4gs", sign, size)
}

func nanos(v float64) (int64, error) {
	if isOdd(v) {
		return 0, errors.New("value is NaN or Inf")
	}
	if v*1e9 > math.MaxInt64 || v*1e9 < math.MinInt64 {
		return 0, fmt.Errorf("%v cannot be represented as a nanoseconds timestamp since it overflows int64", v)
	}
	return int64(v * 1e9), nil
}

func toTime(v float64) (*time.Time, error) {
	n, err := nanos(v)
	if err != nil {
		return nil, err
	}
	t := time.UnixMilli(n / 1e6).UTC()
	return &t, nil
}

func ofFloat[T any](f func(float64) (T, error)) func(any) (T, error) {
	return func(value any) (T, error) {
		v, err := toFloat(value)
		if err != nil {
			var none T
			return none, err
		}
		return f(v)
	}
}

func sure[T any](f func(float64) T) func(any) (T, error) {
	return ofFloat(func(v float64) (T, error) { return f(v), nil })
}

var units = map[string]float64{
	"y": 365 * 86400, "w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001,
}

// Funcs are the functions that Prometheus adds.
func (r Rule) Funcs() map[string]any {
	return map[string]any{
		"query": func(text string) (queryResult, error) {
			series, ok := r.Queries[text]
			if !ok {
				return nil, fmt.Errorf("no answer for %s", text)
			}
			result := queryResult{}
			for _, s := range series {
				result = append(result, &sample{s.Labels, number(s.Value)})
			}
			return result, nil
		},
		"first": func(all queryResult) (*sample, error) {
			if len(all) == 0 {
				return nil, errors.New("first() called on vector with no elements")
			}
			return all[0], nil
		},
		"label":    func(name string, s *sample) string { return s.Labels[name] },
		"value":    func(s *sample) any { return s.Value },
		"strvalue": func(s *sample) string { return s.Labels["__value__"] },
		"args": func(args ...any) map[string]any {
			named := map[string]any{}
			for i, arg := range args {
				named["arg"+strconv.Itoa(i)] = arg
			}
			return named
		},
		"reReplaceAll": func(pattern, with, text string) string {
			return regexp.MustCompile(pattern).ReplaceAllString(text, with)
		},
		"safeHtml": func(text string) html.HTML { return html.HTML(text) },
		"match":    regexp.MatchString,
		"title":    strings.Title,
		"toUpper":  strings.ToUpper,
		"toLower":  strings.ToLower,
		"graphLink": func(expr string) string {
			return "/graph?g0.expr=" + url.QueryEscape(expr) + "&g0.tab=0"
		},
		"tableLink": func(expr string) string {
			return "/graph?g0.expr=" + url.QueryEscape(expr) + "&g0.tab=1"
		},
		"sortByLabel": func(name string, all queryResult) queryResult {
			sort.SliceStable(all, func(i, j int) bool {
				return all[i].Labels[name] < all[j].Labels[name]
			})
			return all
		},
		"stripPort": func(address string) string {
			if host, _, err := net.SplitHostPort(address); err == nil {
				return host
			}
			return address
		},
		"stripDomain": func(address string) string {
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				host = address
			}
			if net.ParseIP(host) != nil {
				return address
			}
			host = strings.Split(host, ".")[0]
			if port != "" {
				host = net.JoinHostPort(host, port)
			}
			return host
		},
		"humanize":         sure(humanize),
		"humanize1024":     sure(humanize1024),
		"humanizeDuration": sure(humanizeDuration),
		"humanizePercentage": sure(func(v float64) string {
			return fmt.Sprintf("%.4g%%", v*100)
		}),
		"humanizeTimestamp": ofFloat(func(v float64) (string, error) {
			if isOdd(v) {
				return fmt.Sprintf("%.4g", v), nil
			}
			t, err := toTime(v)
			return fmt.Sprint(t), err
		}),
		"toTime": ofFloat(toTime),
		"toDuration": ofFloat(func(v float64) (*time.Duration, error) {
			n, err := nanos(v)
			d := time.Duration(n)
			return &d, err
		}),
		"now": func() float64 { return float64(r.AtMS) / 1000 },
		"parseDuration": func(text string) (float64, error) {
			seconds := 0.0
			for _, part := range regexp.MustCompile(`(\d+)([a-z]+)`).FindAllStringSubmatch(text, -1) {
				count, _ := strconv.ParseFloat(part[1], 64)
				seconds += count * units[part[2]]
			}
			if seconds == 0 {
				return 0, fmt.Errorf("not a valid duration string: %q", text)
			}
			return seconds, nil
		},
		"externalURL": func() string { return r.ExternalURL },
		"pathPrefix": func() string {
			parsed, _ := url.Parse(r.ExternalURL)
			return parsed.Path
		},
		"urlQueryEscape": url.QueryEscape,
	}
}
