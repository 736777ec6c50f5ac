// Renders a Helm chart: Go's own text/template, as Helm uses it, with those functions of Helm and Sprig
// that the chart of this repository calls. It is not helm: it knows no dependencies, hooks and
// capabilities, and a template that calls another function is an error.
//
// Arguments: the folder of the chart. Standard input: an object with Values, Chart, and Release.
// Standard output: the templates one after another.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"text/template"
)

// Files are those of the chart, by their paths.
type Files map[string]string

// Get is the text of a file, or nothing.
func (files Files) Get(name string) string { return files[name] }

// Glob finds files by a pattern.
func (files Files) Glob(pattern string) (Files, error) {
	found := Files{}
	for name, text := range files {
		matches, err := path.Match(pattern, name)
		if err != nil {
			return nil, err
		}
		if matches {
			found[name] = text
		}
	}
	return found, nil
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(chart string) error {
	data := map[string]any{}
	if err := json.NewDecoder(os.Stdin).Decode(&data); err != nil {
		return err
	}
	files, err := read(chart, "files")
	if err != nil {
		return err
	}
	data["Files"] = files
	templates, err := read(chart, "templates")
	if err != nil {
		return err
	}
	// As Helm: a value that is not there is nothing, and printed as nothing.
	root := template.New("chart").Option("missingkey=zero")
	root.Funcs(functions(root))
	names := make([]string, 0, len(templates))
	for name, text := range templates {
		if _, err := root.New(name).Parse(text); err != nil {
			return err
		}
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), "_") {
			continue
		}
		var text strings.Builder
		if err := root.ExecuteTemplate(&text, name, data); err != nil {
			return err
		}
		printed := strings.ReplaceAll(text.String(), "<no value>", "")
		if path.Ext(name) == ".txt" {
			fmt.Fprint(os.Stderr, printed)
			continue
		}
		fmt.Printf("---\n# Source: %s\n%s\n", name, printed)
	}
	return nil
}

// read loads all files below a folder of the chart; links are followed.
func read(chart, folder string) (Files, error) {
	files := Files{}
	err := filepath.WalkDir(filepath.Join(chart, folder), func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(chart, name)
		files[filepath.ToSlash(relative)] = string(text)
		return err
	})
	return files, err
}

func functions(root *template.Template) template.FuncMap {
	indent := func(count int, text string) string {
		pad := strings.Repeat(" ", count)
		return pad + strings.ReplaceAll(text, "\n", "\n"+pad)
	}
	return template.FuncMap{
		"base":     path.Base,
		"contains": func(part, text string) bool { return strings.Contains(text, part) },
		"default": func(fallback, value any) any {
			if truth, _ := template.IsTrue(value); truth {
				return value
			}
			return fallback
		},
		"dict": func(pairs ...any) (map[string]any, error) {
			values := map[string]any{}
			if len(pairs)%2 != 0 {
				return nil, errors.New("dict: a key has no value")
			}
			for i := 0; i < len(pairs); i += 2 {
				key, isText := pairs[i].(string)
				if !isText {
					return nil, fmt.Errorf("dict: %v is no key", pairs[i])
				}
				values[key] = pairs[i+1]
			}
			return values, nil
		},
		"fail": func(message string) (string, error) { return "", errors.New(message) },
		"get": func(values map[string]any, key string) any {
			if value, found := values[key]; found {
				return value
			}
			return ""
		},
		"has": func(item any, list []any) bool {
			for _, other := range list {
				if reflect.DeepEqual(item, other) {
					return true
				}
			}
			return false
		},
		"hasKey": func(values map[string]any, key string) bool {
			_, found := values[key]
			return found
		},
		"include": func(name string, data any) (string, error) {
			var text strings.Builder
			err := root.ExecuteTemplate(&text, name, data)
			return text.String(), err
		},
		"int": func(value any) int {
			switch number := value.(type) {
			case float64:
				return int(number)
			case int:
				return number
			}
			return 0
		},
		"kindIs": func(kind string, value any) bool {
			return value != nil && reflect.ValueOf(value).Kind().String() == kind
		},
		"list":    func(items ...any) []any { return items },
		"nindent": func(count int, text string) string { return "\n" + indent(count, text) },
		"quote":   func(value any) string { return fmt.Sprintf("%q", fmt.Sprint(value)) },
		"replace": func(old, new, text string) string { return strings.ReplaceAll(text, old, new) },
		"set": func(values map[string]any, key string, value any) map[string]any {
			values[key] = value
			return values
		},
		"ternary": func(yes, no any, condition bool) any {
			if condition {
				return yes
			}
			return no
		},
		"toYaml": func(value any) (string, error) {
			var text strings.Builder
			err := write(&text, value, "")
			return strings.Trim(text.String(), "\n "), err
		},
		"tpl": func(text string, data any) (string, error) {
			clone, err := root.Clone()
			if err != nil {
				return "", err
			}
			parsed, err := clone.New("tpl").Parse(text)
			if err != nil {
				return "", err
			}
			var rendered strings.Builder
			err = parsed.Execute(&rendered, data)
			return rendered.String(), err
		},
		"trimSuffix": func(suffix, text string) string { return strings.TrimSuffix(text, suffix) },
		"trunc": func(count int, text string) string {
			if len(text) > count {
				return text[:count]
			}
			return text
		},
		"until": func(count int) []int {
			numbers := make([]int, count)
			for i := range numbers {
				numbers[i] = i
			}
			return numbers
		},
	}
}

// write prints a value as YAML in block style, because templates put values into blocks; scalars, and
// what is empty, are JSON, which is YAML as well.
func write(text *strings.Builder, value any, pad string) error {
	switch value := value.(type) {
	case map[string]any:
		if len(value) > 0 {
			keys := make([]string, 0, len(value))
			for key := range value {
				keys = append(keys, key)
			}
			sort.Strings(keys)
			for _, key := range keys {
				fmt.Fprintf(text, "\n%s%q:", pad, key)
				if err := write(text, value[key], pad+"  "); err != nil {
					return err
				}
			}
			return nil
		}
	case []any:
		if len(value) > 0 {
			for _, item := range value {
				fmt.Fprintf(text, "\n%s-", pad)
				if err := write(text, item, pad+"  "); err != nil {
					return err
				}
			}
			return nil
		}
	}
	scalar, err := json.Marshal(value)
	fmt.Fprintf(text, " %s", scalar)
	return err
}
